// Which view the address names. It stands in the fragment: the server needs to know nothing of it.
import { Store } from "./store.js";
import { takeKey } from "./gateway/key.js";

const VIEWS = ["resources", "start", "sessions", "live"];

export const addressOf = {
  resources: () => "#/resources",
  sessions: () => "#/sessions",
  start: (resource, service) => (resource ? `#/start/${resource}/${service}` : "#/start"),
  live: (session, from = "live") => `#/live/${session}/${from}`,
};

export function parse(hash) {
  const [view, ...rest] = hash.replace(/^#\/?/, "").split("/").map(decoded);
  return VIEWS.includes(view) ? { view, rest } : { view: "resources", rest: [] };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

/** Where we are. `go` leads elsewhere, and may leave word for the view that opens there. */
class Route extends Store {
  #word = null;

  go(address, word = null) {
    this.#word = word;
    location.hash = address;
  }

  follow() {
    this.set({ ...parse(location.hash), word: this.#word });
    this.#word = null;
  }
}

/** The route; `keyed` is told of a key that somebody put into the address. */
export function routes(keyed) {
  const route = new Route(parse(location.hash));
  addEventListener("hashchange", () => {
    if (/[#&]key=/.test(location.hash)) keyed(takeKey());
    else route.follow();
  });
  return route;
}
