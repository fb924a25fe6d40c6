// The page: who we are to the gateway, which view is open, and the frame around it.
import { Calls } from "./gateway/calls.js";
import { forgetKey, keepKey, takeKey } from "./gateway/key.js";
import { News } from "./gateway/news.js";
import { html } from "./html.js";
import { routes } from "./route.js";
import { Shell } from "./shell.js";
import { Store, useStore } from "./store.js";
import { render } from "./vendor/preact.js";
import { useEffect, useMemo } from "./vendor/preact-hooks.js";
import { KeyView } from "./views/keyview.js";

const access = new Store({ key: takeKey(), refused: false });
const route = routes((key) => access.set({ key, refused: false }));

function App() {
  const { key, refused } = useStore(access);
  if (!key) return html`<${KeyView} refused=${refused} take=${take} />`;
  return html`<${Inside} key=${key} apikey=${key} />`;
}

function Inside({ apikey }) {
  const parts = useMemo(() => connect(apikey), [apikey]);
  useEffect(() => {
    parts.news.run();
    return () => parts.news.close();
  }, [parts]);
  return html`<${Shell} ...${parts} route=${route} leave=${() => leave(false)} />`;
}

function connect(key) {
  const calls = new Calls(key, () => leave(true));
  const connection = new Store("connecting");
  return { calls, connection, news: new News(calls, connection) };
}

function take(key) {
  keepKey(key);
  access.set({ key, refused: false });
}

function leave(refused) {
  forgetKey();
  access.set({ key: null, refused });
}

render(html`<${App} />`, document.body);
