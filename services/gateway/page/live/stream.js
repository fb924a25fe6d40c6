// A session's packets, for as long as the view is open: over as many connections as it takes,
// without a hole and without a repeat, since each goes on from the number of the next packet.
import { delays, pause } from "../gateway/backoff.js";
import { captureAt } from "../gateway/calls.js";
import { Account } from "./account.js";
import { Socket } from "./socket.js";

const NORMAL = 1000;
const FINAL = { 4400: "bad-message", 4403: "forbidden", 4404: "unknown-capture" };
const TICKET_REFUSED = 4401;

export class Stream {
  #socket = null;
  #waits = delays();
  #wake = () => {};
  #closed = false;
  #flow = "none"; // none, asked, open, stopping

  constructor({ calls, session, from, filter, sink }) {
    this.calls = calls;
    this.session = session;
    this.sink = sink; // {clear(), packets(list), gap(gap), changed()}
    this.state = { phase: "connecting", capture: null, ledger: null, paused: false, said: null, filterSaid: null, tries: 0 };
    this.#aim(from, filter);
  }

  async run() {
    while (!this.#closed) {
      const outcome = await this.#connection();
      if (this.#closed) return;
      if (outcome === "lost") await this.#rest();
      else await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  close() {
    this.#closed = true;
    this.#socket?.drop(NORMAL);
    this.#wake();
  }

  /** Show from `from` on, through `filter`; what was shown goes. */
  restart(from, filter) {
    this.#aim(from, filter);
    this.sink.clear();
    this.#change({ filterSaid: null, said: null, paused: false });
    if (this.#flow === "none") this.#begin();
    else this.#stop();
    this.#wake();
  }

  pause() {
    this.#change({ paused: true });
    this.#stop();
  }

  resume() {
    this.#change({ paused: false });
    if (this.#flow === "none") this.#begin();
    this.#wake();
  }

  /** Where the view begins: what a new filter is held against. */
  get origin() {
    return this.account.first ?? this.from;
  }

  get counts() {
    return this.account.counts(Boolean(this.filter));
  }

  #aim(from, filter) {
    this.from = from;
    this.filter = filter.trim();
    this.account = new Account();
  }

  #change(changes) {
    Object.assign(this.state, changes);
    this.sink.changed();
  }

  async #connection() {
    let ticket;
    try {
      ticket = await this.calls.post(`${captureAt(this.session)}/ticket`);
    } catch (problem) {
      return this.#withoutTicket(problem);
    }
    return new Promise((resolve) => {
      const hear = (message) => this.#hear[message.type]?.(message);
      const closed = (code, reason) => resolve(this.#over(code, reason));
      this.#socket = new Socket({ ...ticket, session: this.session, hear, closed });
    });
  }

  #withoutTicket(problem) {
    if (problem.offline || problem.status >= 500 || problem.status === 429) {
      this.#lost(problem.message);
      return "lost";
    }
    this.#change({ phase: "refused", said: problem.message });
    return "refused";
  }

  #over(code, reason) {
    this.#socket = null;
    this.#flow = "none";
    if (this.state.phase === "ended") return "ended";
    if (code in FINAL || this.state.phase === "refused") {
      this.#change({ phase: "refused", said: this.state.said ?? (reason || FINAL[code]) });
      return "refused";
    }
    this.#lost(code === TICKET_REFUSED ? "The ticket was too old." : "");
    return "lost";
  }

  #lost(why) {
    this.#change({ phase: "lost", said: why, tries: this.state.tries + 1 });
  }

  #rest() {
    return Promise.race([pause(this.#waits.next().value), new Promise((resolve) => (this.#wake = resolve))]);
  }

  #begin() {
    if (!this.#socket || this.state.paused || this.state.phase === "refused") return;
    const from = this.account.next ?? this.from;
    this.#flow = "asked";
    this.#socket.send({ type: "start", from, format: "json", filter: this.filter });
  }

  #stop() {
    if (this.#flow !== "open" && this.#flow !== "asked") return;
    this.#flow = "stopping";
    this.#fresh = this.state.paused;
    this.#socket.send({ type: "stop" });
  }

  // What still comes of a flow that was stopped for another one is not shown.
  #fresh = false;

  #hear = {
    session: ({ capture }) => {
      this.#waits = delays();
      this.#change({ phase: this.state.paused ? "paused" : "waiting", capture, ledger: capture.ledger, said: null, tries: 0 });
      this.#begin();
    },
    started: ({ first }) => {
      if (this.#flow !== "asked") return;
      this.#flow = "open";
      this.#fresh = true;
      this.account.started(first);
      this.#change({ phase: "flowing" });
    },
    packets: (message) => {
      if (!this.#fresh) return;
      this.account.packets(message);
      if (message.packets.length) this.sink.packets(message.packets);
    },
    gap: (gap) => {
      if (!this.#fresh) return;
      this.account.gap(gap);
      this.sink.gap(gap);
    },
    stopped: () => {
      this.#flow = "none";
      if (this.state.paused) this.#change({ phase: "paused" });
      else this.#begin();
    },
    status: ({ state, ledger }) => this.#known(state, ledger),
    end: (end) => {
      this.#known(end.state, end.ledger, end.stop_reason);
      this.#change({ phase: this.#fresh ? "ended" : this.state.phase });
    },
    error: ({ code, detail }) => this.#refused(code, detail),
  };

  #known(state, ledger, stopReason) {
    const capture = { ...this.state.capture, state, stop_reason: stopReason ?? this.state.capture.stop_reason };
    this.#change({ capture, ledger });
  }

  #refused(code, detail) {
    this.#flow = "none";
    if (code === "invalid-filter") this.#change({ phase: "idle", filterSaid: detail });
    else if (code === "unavailable") this.#socket.drop();
    else if (code === "bad-position") this.#change({ phase: "idle", said: detail });
    else this.#change({ said: detail });
  }
}
