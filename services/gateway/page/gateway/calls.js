// The REST calls. Each throws a Problem; a 401 also tells `refused`, since the key is no good.
import { offline, problemOf } from "./problem.js";

const PATIENCE_MS = 15000;

export class Calls {
  constructor(key, refused = () => {}) {
    this.key = key;
    this.refused = refused;
  }

  get(path, options) {
    return this.#json("GET", path, undefined, options);
  }

  post(path, body) {
    return this.#json("POST", path, body);
  }

  delete(path) {
    return this.#json("DELETE", path);
  }

  /** A response whose body is still to come; `signal` ends it. */
  async stream(path, signal) {
    return this.#send("GET", path, undefined, signal);
  }

  async #json(method, path, body, { signal } = {}) {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const ends = signal ? AbortSignal.any([signal, patience]) : patience;
    const response = await this.#send(method, path, body, ends);
    return response.status === 204 ? null : response.json();
  }

  async #send(method, path, body, signal) {
    const headers = { Authorization: `Bearer ${this.key}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request = { method, headers, signal, body: body && JSON.stringify(body), cache: "no-store" };
    const response = await fetch(path, request).catch((error) => {
      throw error.name === "AbortError" ? error : offline();
    });
    if (response.ok) return response;
    if (response.status === 401) this.refused();
    throw await problemOf(response);
  }
}

export const captureAt = (session) => `/v1/captures/${encodeURIComponent(session)}`;
