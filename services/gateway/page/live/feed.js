// The page's end of the worker. At the display's pace it asks for what is in sight; while the page
// is hidden there are no frames, so it asks for nothing, and the worker goes on taking packets.
const CHART_MS = 1000;

export class Feed {
  #scheduled = false;
  #asked = false;
  #dirty = false;
  #charted = 0;

  constructor({ key, session, from, filter = "", list, hear }) {
    this.list = list; // {range(), paint(view), found(index), moved(at, by)}
    this.hear = hear; // {state(view), chart(series), trouble(detail), keyRefused()}
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#take[data.say](data);
    this.say({ do: "open", key, session, from, filter });
    this.refresh();
  }

  say(message) {
    this.worker.postMessage(message);
  }

  /** What is in sight has changed, or what there is to see. */
  refresh = () => {
    this.#dirty = true;
    if (this.#scheduled || this.#asked) return;
    this.#scheduled = true;
    requestAnimationFrame(this.#ask);
  };

  close() {
    this.say({ do: "close" });
    this.worker.terminate();
    this.#asked = true;
  }

  #ask = (now) => {
    this.#scheduled = false;
    if (this.#asked || !this.#dirty) return;
    this.#dirty = false;
    this.#asked = true;
    const chart = now - this.#charted >= CHART_MS;
    if (chart) this.#charted = now;
    this.say({ do: "view", ...this.list.range(), chart });
  };

  #take = {
    changed: this.refresh,
    view: (view) => {
      this.#asked = false;
      this.list.paint(view);
      this.hear.state(view);
      if (view.series) this.hear.chart(view.series);
      if (this.#dirty) this.refresh();
    },
    found: ({ index }) => this.list.found(index),
    moved: ({ at, by }) => this.list.moved(at, by),
    trouble: ({ detail }) => this.hear.trouble(detail),
    "key-refused": () => this.hear.keyRefused(),
  };
}
