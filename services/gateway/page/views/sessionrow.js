// One capture in the list: what it was, what became of it, what can be done with it.
import { html } from "../html.js";
import { State } from "../parts/badge.js";
import { bytes, count, duration, moment } from "../parts/format.js";
import { lost } from "../parts/ledger.js";
import { ended, filterOf, reasonOf } from "../parts/words.js";
import { addressOf } from "../route.js";
import { Download } from "./download.js";

export function SessionRow({ capture, calls, actions }) {
  const { session, state } = capture;
  const over = ended(capture);
  const filter = filterOf(capture);
  return html`
    <li class="session" data-session=${session}>
      <div class="what">
        <h2><a href=${addressOf.live(session, over ? "beginning" : "live")}>${capture.service}<span class="quiet"> on ${capture.resource}</span></a></h2>
        <p class="quiet code">${session}</p>
        ${filter && html`<p class="quiet">only <code>${filter}</code></p>`}
      </div>
      <div class="how">
        <${State} state=${state} />
        <p>${over ? `Ended: ${reasonOf(capture)}` : "In progress"}</p>
        <p class="quiet">${moment(capture.started_at ?? capture.requested_at)} · ${lasted(capture)} · by ${capture.requested_by}</p>
      </div>
      <${Figures} ledger=${capture.ledger} />
      <div class="actions">
        <a class="button" href=${addressOf.live(session, "beginning")} aria-label=${`Open ${session} from the beginning`}>Open</a>
        <${Download} calls=${calls} session=${session} trouble=${actions.trouble} />
        ${over ? html`<button type="button" aria-label=${`Delete ${session}`} onClick=${() => actions.remove(session)}>Delete</button>`
          : html`<button type="button" aria-label=${`Stop ${session}`} disabled=${state === "stopping"} onClick=${() => actions.stop(session)}>Stop</button>`}
      </div>
    </li>`;
}

const Figures = ({ ledger }) => html`
  <dl class="figures">
    <div><dt>Packets</dt><dd>${count(ledger.stored)}</dd></div>
    <div><dt>Size</dt><dd>${bytes(ledger.bytes)}</dd></div>
    <div class=${lost(ledger) ? "loss" : ""}><dt>Lost</dt><dd>${count(lost(ledger))}</dd></div>
  </dl>`;

function lasted({ started_at, stopped_at }) {
  if (!started_at) return "not started";
  const until = stopped_at ? Date.parse(stopped_at) : Date.now();
  return duration((until - Date.parse(started_at)) / 1000);
}
