// What happens to tasks and resources, for as long as the page is open. Whenever the stream begins anew
// something may have been missed, so whoever listens reads anew too (`began`).
import { delays, pause } from "./backoff.js";
import { eventsOf } from "./sse.js";

const SILENCE_MS = 25000; // the gateway says something every 10 s

export class News {
  #listeners = new Set();
  #ended = new AbortController();

  constructor(calls, connection) {
    this.calls = calls;
    this.connection = connection;
  }

  /** `{began(), task(task), resource(resource)}`; the answer ends it. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async run() {
    let waits = delays();
    while (!this.#ended.signal.aborted) {
      try {
        await this.#follow(() => (waits = delays()));
      } catch (problem) {
        if (problem.status === 401) return;
      }
      if (this.#ended.signal.aborted) return;
      this.connection.set("lost");
      await pause(waits.next().value);
    }
  }

  close() {
    this.#ended.abort();
  }

  async #follow(welcome) {
    const silence = new Silence(SILENCE_MS);
    const signal = AbortSignal.any([this.#ended.signal, silence.signal]);
    try {
      const response = await this.calls.stream("/v1/events?resources=1", signal);
      this.connection.set("live");
      welcome();
      this.#tell("began");
      for await (const event of eventsOf(silence.watched(response.body))) {
        this.#tell(event.name, JSON.parse(event.data));
      }
    } finally {
      silence.end();
    }
  }

  #tell(what, ...about) {
    for (const listener of [...this.#listeners]) listener[what]?.(...about);
  }
}

// A link that carries nothing any more looks the same as a quiet one, but for the heartbeat.
class Silence {
  #abort = new AbortController();

  constructor(ms) {
    this.ms = ms;
    this.signal = this.#abort.signal;
    this.#heard();
  }

  watched(body) {
    const heard = () => this.#heard();
    return body.pipeThrough(new TransformStream({
      transform(chunk, controller) {
        heard();
        controller.enqueue(chunk);
      },
    }));
  }

  end() {
    clearTimeout(this.timer);
  }

  #heard() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#abort.abort(), this.ms);
  }
}
