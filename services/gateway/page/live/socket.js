// One connection to the streamer: its messages in order, and its end.
const SILENCE_MS = 10000; // the streamer tells the status once a second

export class Socket {
  constructor({ url, session, ticket, hear, closed }) {
    this.hear = hear;
    this.closed = closed;
    this.socket = new WebSocket(url);
    this.socket.onopen = () => this.send({ type: "session", session, ticket });
    this.socket.onmessage = (event) => this.#heard(event.data);
    this.socket.onclose = (event) => this.#end(event.code, event.reason);
    this.#listen();
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Give it up; `closed` is told, now and not when the far side has answered. */
  drop(code = 1006) {
    this.socket.close();
    this.#end(code, "");
  }

  #heard(text) {
    this.#listen();
    this.hear(JSON.parse(text));
  }

  #listen() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.drop(), SILENCE_MS);
  }

  #end(code, reason) {
    clearTimeout(this.timer);
    this.socket.onmessage = this.socket.onclose = null;
    const tell = this.closed;
    this.closed = () => {};
    tell(code, reason);
  }
}
