// A value that views watch. They draw again when it is replaced, and only then.
import { useEffect, useState } from "./vendor/preact-hooks.js";

export class Store {
  #watchers = new Set();

  constructor(value) {
    this.value = value;
  }

  set(value) {
    this.value = value;
    for (const tell of [...this.#watchers]) tell(value);
  }

  update(changes) {
    this.set({ ...this.value, ...changes });
  }

  watch(tell) {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
}

export function useStore(store) {
  const [value, draw] = useState(store.value);
  useEffect(() => {
    draw(store.value);
    return store.watch(draw);
  }, [store]);
  return value;
}
