// A view's hold on the worker and the list: made with the view, ended with it. The view is drawn a
// few times a second at most; the list paints itself.
import { Store } from "../store.js";
import { useEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
import { Feed } from "./feed.js";
import { PacketList } from "./packetlist.js";

const DRAWN_MS = 200;
const NOTHING = { phase: "connecting", paused: false, capture: null, ledger: null, counts: null, filter: "" };

export function useWatch({ calls, session, from }) {
  const [shown, show] = useState({ state: NOTHING, total: 0 });
  const [following, follow] = useState(false);
  const [selected, select] = useState(null);
  const [trouble, tell] = useState(null);
  const place = useRef();
  const parts = useRef();
  const series = useMemo(() => new Store(null), []);
  useEffect(() => {
    const calm = new Calm(show);
    const list = new PacketList(place.current, {
      refresh: () => feed.refresh(),
      follow,
      select: (row) => select(row.gap || row.number === null ? null : row),
      enter: () => document.querySelector(".details [role=tree] [tabindex='0']")?.focus(),
      fill: (index) => feed.say({ do: "fill", index }),
    });
    const feed = new Feed({
      key: calls.key,
      session,
      from: /^\d+$/.test(from) ? Number(from) : from,
      list,
      hear: {
        state: ({ state, total }) => {
          firstLook(list, state);
          calm.show({ state, total });
        },
        chart: (rates) => series.set(rates),
        trouble: tell,
        keyRefused: () => calls.refused(),
      },
    });
    parts.current = { list, feed };
    return () => {
      calm.close();
      feed.close();
      list.close();
    };
  }, [calls, session, from]);
  const { act, unselect } = useMemo(() => actions(parts, select, tell), []);
  return { ...shown, following, selected, trouble, tell, place, series, act: { ...act, pause: () => act.pause(shown.state.paused) }, unselect };
}

/** Of a capture that runs the newest is wanted, of one that ended the first. */
function firstLook(list, state) {
  if (list.looked || !state.capture) return;
  list.looked = true;
  list.follow(state.capture.state !== "stopped" && state.capture.state !== "failed");
}

function actions(parts, select, tell) {
  const say = (message) => parts.current.feed.say(message);
  const fresh = () => select(null);
  return {
    unselect: () => {
      select(null);
      parts.current.list.unselect();
      parts.current.list.scroller.focus();
    },
    act: {
      follow: () => parts.current.list.follow(!parts.current.list.following),
      pause: (paused) => say({ do: paused ? "resume" : "pause" }),
      jump: (number) => {
        tell(null);
        say({ do: "find", number });
      },
      filter: (filter) => {
        fresh();
        say({ do: "filter", filter });
      },
      from: (from) => {
        fresh();
        parts.current.list.follow(false);
        say({ do: "from", from });
      },
    },
  };
}

// Shows the latest of many changes, now or at the end of the pause.
class Calm {
  #last = 0;
  #timer = null;

  constructor(show) {
    this.draw = show;
  }

  show(value) {
    this.value = value;
    const wait = this.#last + DRAWN_MS - performance.now();
    if (wait <= 0) this.#now();
    else this.#timer ??= setTimeout(() => this.#now(), wait);
  }

  close() {
    clearTimeout(this.#timer);
    this.draw = () => {};
  }

  #now() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#last = performance.now();
    this.draw(this.value);
  }
}
