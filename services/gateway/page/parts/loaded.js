// What a view reads: undefined while it loads, then a value or a Problem; read anew on request.
import { useCallback, useEffect, useRef, useState } from "../vendor/preact-hooks.js";

export function useLoaded(read, inputs) {
  const [found, show] = useState({});
  const turns = useRef(null);
  const again = useCallback(() => turns.current?.ask(), inputs);
  useEffect(() => {
    const reading = (turns.current = new OneAtATime(read, (result) => show((before) => merged(before, result))));
    show({});
    reading.ask();
    return () => reading.close();
  }, inputs);
  return { ...found, again, change: (edit) => show((now) => ({ ...now, value: edit(now.value) })) };
}

// However often it is asked for, one read is under way, and one more follows it at most.
class OneAtATime {
  #busy = false;
  #asked = false;

  constructor(read, show) {
    this.read = read;
    this.show = show;
  }

  async ask() {
    this.#asked = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#asked) {
      this.#asked = false;
      this.show(await this.read().then((value) => ({ value }), (problem) => ({ problem })));
    }
    this.#busy = false;
  }

  close() {
    this.#asked = false;
    this.show = () => {};
  }
}

// A list that was read stays in sight while the gateway is away.
function merged(before, result) {
  return result.problem && before.value !== undefined ? { ...before, problem: result.problem } : result;
}

/** Call `act` every `ms` while the page is in sight, and when it comes back into sight. */
export function useWhileSeen(act, ms) {
  useEffect(() => {
    const seen = () => document.hidden || act();
    const timer = setInterval(seen, ms);
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [act, ms]);
}
