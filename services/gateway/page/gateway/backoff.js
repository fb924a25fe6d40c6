// How long to wait before the next try: doubling, with a random part so that a thousand pages do
// not come back in the same instant.
export function* delays(first = 250, most = 5000) {
  for (let delay = first; ; delay = Math.min(most, delay * 2)) {
    yield delay * (0.5 + Math.random() / 2);
  }
}

/** Wait, but not longer than until the network is back. */
export function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}
