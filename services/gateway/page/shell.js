// The frame: where one can go, whether the gateway is there, and the view itself.
import { html } from "./html.js";
import { addressOf } from "./route.js";
import { useStore } from "./store.js";
import { useEffect, useRef, useState } from "./vendor/preact-hooks.js";
import { LiveView } from "./views/live.js";
import { ResourcesView } from "./views/resources.js";
import { SessionsView } from "./views/sessions.js";
import { StartView } from "./views/start.js";

const VIEWS = { resources: ResourcesView, start: StartView, sessions: SessionsView, live: LiveView };
const TITLES = { resources: "Resources", start: "Start", sessions: "Sessions", live: "Live" };
const BACK_SHOWN_MS = 4000;

export function Shell({ calls, news, connection, route, leave }) {
  const { view, rest, word } = useStore(route);
  const View = VIEWS[view];
  useTitle(view === "live" ? rest[0] : TITLES[view]);
  return html`
    <div class="shell" data-view=${view}>
      <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
      <header class="top">
        <a class="brand" href=${addressOf.resources()}><img src="/page/icon.svg" alt="" width="24" height="24" />Capflow</a>
        <nav aria-label="Views">
          ${["resources", "start", "sessions"].map((name) => html`
            <a href=${addressOf[name]()} aria-current=${view === name ? "page" : null}>${TITLES[name]}</a>`)}
        </nav>
        <a class="aside" href="/docs">API</a>
        <button type="button" class="aside plain" onClick=${leave}>Forget key</button>
      </header>
      <${Connection} connection=${connection} />
      <main id="main" tabindex="-1">
        <${View} key=${`${view}/${rest.join("/")}`} calls=${calls} news=${news} rest=${rest}
          word=${word} go=${(...where) => route.go(...where)} />
      </main>
    </div>`;
}

function skip(event) {
  event.preventDefault(); // the fragment is the route
  document.getElementById("main").focus();
}

function useTitle(title) {
  useEffect(() => {
    document.title = `${title} · Capflow`;
  }, [title]);
}

function Connection({ connection }) {
  const state = useStore(connection);
  const [back, show] = useState(false);
  const before = useRef(state);
  useEffect(() => {
    const returned = before.current === "lost" && state === "live";
    before.current = state;
    if (!returned) return undefined;
    show(true);
    const timer = setTimeout(() => show(false), BACK_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const said = state === "lost" ? "The gateway cannot be reached. Trying again until it is back; what you see may be old."
    : back ? "The gateway is back." : "";
  return html`<div class="connection" data-state=${state === "lost" ? "lost" : "live"} role="status">${said}</div>`;
}
