// Packets and bytes a second. The words beside it say the same to those who do not see it.
import { bytes, count, short } from "../parts/format.js";
import { html } from "../html.js";
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";

const { uPlot } = globalThis;
const HEIGHT = 84;
const NOTHING = { packets: "0 packets/s", bytes: "0 B/s" };
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

/** `series` is a Store of what `Rates.series` gives. */
export function Chart({ series }) {
  const place = useRef();
  const [words, say] = useState(NOTHING);
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
      <figcaption>
        <span class="packets-rate">${words.packets}</span>
        <span class="bytes-rate">${words.bytes}</span>
      </figcaption>
      <div ref=${place} role="img" aria-label=${`Chart over time, now ${words.packets}, ${words.bytes}`}></div>
    </figure>`;
}

function wordsOf({ packets, bytes: sizes }) {
  if (!packets.length) return NOTHING;
  return { packets: `${count(Math.round(packets.at(-1)))} packets/s`, bytes: `${bytes(Math.round(sizes.at(-1)))}/s` };
}

class Drawing {
  constructor(place) {
    this.place = place;
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.again = () => this.#make();
    this.dark.addEventListener("change", this.again);
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.#size()));
    this.sizes.observe(place);
    this.data = nothingYet();
    this.#make();
  }

  show({ seconds, packets, bytes: sizes }) {
    this.data = seconds.length ? [seconds, packets, sizes] : nothingYet();
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
      scales: { y: { range: fromZero(10) }, bytes: { range: fromZero(1024) } },
      axes: [
        { ...quiet, size: 22, space: 90, incrs: STEPS, values: clocks, grid: { show: false } },
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

const two = (number) => String(number).padStart(2, "0");

function clocks(_, ticks) {
  return ticks.map((tick) => {
    const at = new Date(tick * 1000);
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  });
}

/** The last minute, empty. */
function nothingYet() {
  const now = Math.floor(Date.now() / 1000);
  return [[now - 60, now], [null, null], [null, null]];
}

const fromZero = (least) => (_, __, most) => [0, Math.max(least, most * 1.1)];
