// A capture as it happens, or as it was.
import { captureAt } from "../gateway/calls.js";
import { html } from "../html.js";
import { Chart } from "../live/chart.js";
import { Controls } from "../live/controls.js";
import { Details } from "../live/details.js";
import { Phase } from "../live/phase.js";
import { Shortcuts, useShortcuts } from "../live/shortcuts.js";
import { useWatch } from "../live/watch.js";
import { State } from "../parts/badge.js";
import { Question } from "../parts/dialog.js";
import { bytes, count, duration, moment } from "../parts/format.js";
import { Ledger } from "../parts/ledger.js";
import { ended, filterOf } from "../parts/words.js";
import { addressOf } from "../route.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { Download } from "./download.js";

export function LiveView({ calls, news, rest: [session, from = "live"], word }) {
  const watch = useWatch({ calls, session, from });
  const { following, selected, trouble, total } = watch;
  const state = useNews(news, session, watch.state);
  const [asking, ask] = useState(null);
  useShortcuts({ ...watch.act, close: watch.unselect, help: () => ask("help") });
  const stop = async () => {
    ask(null);
    await calls.post(`${captureAt(session)}/stop`).catch((problem) => watch.tell(problem.message));
  };
  const gone = state.phase === "refused" && !state.capture;
  return html`
    <section class="live" aria-labelledby="title" data-details=${selected ? "" : null} data-gone=${gone ? "" : null}>
      <${Heading} session=${session} state=${state}>
        ${state.capture && !ended(state.capture) && html`<button type="button" class="danger" onClick=${() => ask("stop")}>Stop capture</button>`}
        ${!gone && html`<${Download} calls=${calls} session=${session} trouble=${(problem) => watch.tell(problem.message)} />`}
        <button type="button" class="plain" aria-keyshortcuts="?" onClick=${() => ask("help")}>Keys</button>
      <//>
      <${Phase} state=${state} word=${word} trouble=${trouble} dismiss=${() => watch.tell(null)} />
      ${gone && html`<p><a class="button" href=${addressOf.sessions()}>See the sessions there are</a></p>`}
      ${state.ledger && html`<${Ledger} ledger=${state.ledger} viewer=${state.counts} />`}
      <${Controls} calls=${calls} state=${state} following=${following} act=${watch.act} />
      <${Chart} series=${watch.series} />
      <div class="packets" role="grid" aria-label="Packets" aria-colcount="7" tabindex="0" ref=${watch.place}></div>
      ${!total && html`<p class="nothing quiet">${nothing(state)}</p>`}
      ${selected && html`<${Details} calls=${calls} session=${session} row=${selected} close=${watch.unselect} />`}
      ${asking === "stop" && html`<${Stop} session=${session} act=${stop} close=${() => ask(null)} />`}
      ${asking === "help" && html`<${Shortcuts} close=${() => ask(null)} />`}
    </section>`;
}

/** The stream's state, with what task events say beside it: when it started, what went wrong. */
function useNews(news, session, state) {
  const [task, hear] = useState({});
  useEffect(() => news.listen({ task: (told) => told.session === session && hear(told) }), [news, session]);
  if (!state.capture) return state;
  const { started_at = null, stopped_at = null, error = null } = task;
  const known = Object.entries({ started_at, stopped_at, error }).filter(([, value]) => value !== null);
  return { ...state, capture: { ...state.capture, ...Object.fromEntries(known) } };
}

function Heading({ session, state: { capture }, children }) {
  const [resource, service] = session.split(".");
  return html`
    <header class="heading">
      <h1 id="title">${service}<span class="quiet"> on ${resource}</span></h1>
      ${capture && html`<${State} state=${capture.state} />`}
      <p class="quiet">${capture ? facts(capture) : session}</p>
      <div class="actions">${children}</div>
    </header>`;
}

function facts(capture) {
  const { started_at, requested_at, requested_by, limits } = capture;
  const filter = filterOf(capture);
  const snaplen = Math.min(capture.snaplen ?? Infinity, capture.service_snaplen ?? Infinity);
  const bounds = [duration(limits.seconds), bytes(limits.bytes), limits.packets && `${count(limits.packets)} packets`];
  return [
    started_at ? `since ${moment(started_at)}` : `asked for ${moment(requested_at)}`,
    `by ${requested_by}`,
    filter && `only ${filter}`,
    Number.isFinite(snaplen) && `first ${snaplen} bytes of each`,
    `ends at ${bounds.filter(Boolean).join(" or ")}`,
  ].filter(Boolean).join(" · ");
}

function nothing({ phase, capture, filter }) {
  if (phase === "connecting" || phase === "lost" || phase === "refused") return "";
  if (filter) return "No packet has passed the filter yet.";
  return capture && ended(capture) ? "This capture has no packets." : "No packets yet. They appear here as they come.";
}

const Stop = ({ session, act, close }) => html`
  <${Question} title="Stop this capture?" yes="Stop capture" act=${act} close=${close}>
    <p><code>${session}</code></p>
    <p>It ends for everybody who watches. What it has stored stays.</p>
  <//>`;
