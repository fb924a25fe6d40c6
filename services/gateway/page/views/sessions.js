// Captures that run, and those that ended.
import { captureAt } from "../gateway/calls.js";
import { html } from "../html.js";
import { Question } from "../parts/dialog.js";
import { useLoaded, useWhileSeen } from "../parts/loaded.js";
import { Empty, Loading, Trouble } from "../parts/notice.js";
import { STATES, ended } from "../parts/words.js";
import { addressOf } from "../route.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { SessionRow } from "./sessionrow.js";

const PAGE = 50;
const ANEW_MS = 3000; // a running ledger grows without an event

export function SessionsView({ calls, news }) {
  const [state, choose] = useState("");
  const [doomed, doom] = useState(null);
  const [trouble, tell] = useState(null);
  const list = useLoaded(() => calls.get(`/v1/captures?limit=${PAGE}${state && `&state=${state}`}`), [calls, state]);
  const running = list.value?.items.some((each) => !ended(each));
  useWhileSeen(() => running && refresh(calls, list), ANEW_MS);
  useEffect(() => news.listen({ began: list.again, task: list.again }), [list.again]);
  const act = (call) => call().then(list.again, tell);
  return html`
    <section aria-labelledby="title">
      <div class="heading">
        <h1 id="title">Sessions</h1>
        <${Filter} state=${state} choose=${choose} />
      </div>
      ${trouble && html`<${Trouble} problem=${trouble} again=${null}><p><button type="button" onClick=${() => tell(null)}>Dismiss</button></p><//>`}
      ${content(calls, list, state, {
        stop: (session) => act(() => calls.post(`${captureAt(session)}/stop`)),
        remove: doom,
        trouble: tell,
      })}
      ${doomed && html`<${Doom} session=${doomed} close=${() => doom(null)}
        act=${() => { doom(null); act(() => calls.delete(captureAt(doomed))); }} />`}
    </section>`;
}

const Filter = ({ state, choose }) => html`
  <div class="field inline">
    <label for="state">Show</label>
    <select id="state" value=${state} onChange=${(event) => choose(event.target.value)}>
      <option value="">all</option>
      ${Object.entries(STATES).map(([name, title]) => html`<option value=${name}>${title.toLowerCase()}</option>`)}
    </select>
  </div>`;

const Doom = ({ session, act, close }) => html`
  <${Question} title="Delete this session?" yes="Delete" act=${act} close=${close}>
    <p><code>${session}</code></p>
    <p>Its packets and its record go. This cannot be undone.</p>
  <//>`;

function content(calls, list, state, actions) {
  const { value, problem, again } = list;
  if (value === undefined) {
    return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} what="the sessions" />`;
  }
  if (!value.items.length) return html`<${Nothing} state=${state} />`;
  return html`
    <ul class="sessions">${value.items.map((each) => html`
      <${SessionRow} key=${each.session} capture=${each} calls=${calls} actions=${actions} />`)}</ul>
    ${value.next_cursor && html`<p><button type="button" onClick=${() => more(calls, list, state)}>Show older ones</button></p>`}`;
}

const Nothing = ({ state }) => (state
  ? html`<${Empty} title=${`No session is ${STATES[state].toLowerCase()}`} />`
  : html`<${Empty} title="Nothing has been captured yet">
      <p><a class="button primary" href=${addressOf.start()}>Start a capture</a></p><//>`);

async function more(calls, list, state) {
  const at = encodeURIComponent(list.value.next_cursor);
  const page = await calls.get(`/v1/captures?limit=${PAGE}&cursor=${at}${state && `&state=${state}`}`);
  list.change((now) => ({ items: [...now.items, ...page.items], next_cursor: page.next_cursor }));
}

/** Read those that run anew, and leave the rest of a long list as it is. */
async function refresh(calls, list) {
  const open = list.value.items.filter((each) => !ended(each)).slice(0, PAGE);
  const anew = await Promise.all(open.map((each) => calls.get(captureAt(each.session)).catch(() => each)));
  const found = new Map(anew.map((each) => [each.session, each]));
  list.change((now) => ({ ...now, items: now.items.map((each) => found.get(each.session) ?? each) }));
}
