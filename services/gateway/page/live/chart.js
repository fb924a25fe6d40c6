// Packets and bytes a second. The words beside it say the same to those who do not see it.
import { bytes, count, short } from "../parts/format.js";
import { html } from "../html.js";
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";

const { uPlot } = globalThis;
const HEIGHT = 92;

/** `series` is a Store of what `Rates.series` gives. */
export function Chart({ series }) {
  const place = useRef();
  const [words, say] = useState("No packets yet");
  useEffect(() => {
    const drawing = new Drawing(place.current);
    const draw = (rates) => {
      drawing.show(rates);
      say(wordsOf(rates));
    };
    if (series.value) draw(series.value);
    const end = series.watch(draw);
    return () => {
      end();
      drawing.close();
    };
  }, [series]);
  return html`
    <figure class="chart">
      <figcaption>${words}</figcaption>
      <div ref=${place} role="img" aria-label=${`Chart over time: ${words}`}></div>
    </figure>`;
}

// The last bucket is still filling, so that the one before it is the newest whole one.
function wordsOf({ packets, bytes: sizes }) {
  const at = Math.max(0, packets.length - 2);
  if (!packets.length) return "No packets yet";
  return `${count(Math.round(packets[at]))} packets/s · ${bytes(Math.round(sizes[at]))}/s`;
}

class Drawing {
  constructor(place) {
    this.place = place;
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.again = () => this.#make();
    this.dark.addEventListener("change", this.again);
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.#size()));
    this.sizes.observe(place);
    this.data = [[], [], []];
    this.#make();
  }

  show({ seconds, packets, bytes: sizes }) {
    this.data = [seconds, packets, sizes];
    this.plot.setData(this.data);
  }

  close() {
    this.dark.removeEventListener("change", this.again);
    this.sizes.disconnect();
    this.plot.destroy();
  }

  #make() {
    this.plot?.destroy();
    const colour = (name) => getComputedStyle(this.place).getPropertyValue(name).trim();
    const quiet = { stroke: colour("--text-quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const options = {
      ...this.#size(),
      legend: { show: false },
      cursor: { show: false },
      padding: [6, 4, 0, 4],
      scales: { y: { range: fromZero }, bytes: { range: fromZero } },
      axes: [
        { ...quiet, size: 22, space: 90, grid: { show: false } },
        { ...quiet, size: 46, space: 26, values: (_, ticks) => ticks.map(short) },
        { ...quiet, scale: "bytes", side: 1, size: 62, space: 26, grid: { show: false }, values: (_, ticks) => ticks.map(bytes) },
      ],
      series: [
        {},
        { stroke: colour("--chart-packets"), fill: colour("--chart-packets-fill"), width: 1.5, points: { show: false } },
        { scale: "bytes", stroke: colour("--chart-bytes"), width: 1.5, dash: [4, 3], points: { show: false } },
      ],
    };
    this.plot = new uPlot(options, this.data, this.place);
  }

  #size() {
    return { width: Math.max(120, this.place.clientWidth), height: HEIGHT };
  }
}

const fromZero = (_, __, most) => [0, Math.max(1, most * 1.1)];
