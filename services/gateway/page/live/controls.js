// What one can do to the flow of packets.
import { html } from "../html.js";
import { FilterField, useFilterCheck } from "../parts/filterfield.js";
import { useState } from "../vendor/preact-hooks.js";

export function Controls({ calls, state, following, act }) {
  return html`
    <div class="controls" role="group" aria-label="Packets">
      <div class="buttons">
        <button type="button" aria-pressed=${following ? "true" : "false"} aria-keyshortcuts="f" title="Show the newest packets as they come (f)" onClick=${act.follow}>Follow</button>
        <button type="button" aria-pressed=${state.paused ? "true" : "false"} aria-keyshortcuts="p" title="Let no more packets come; none is lost (p)" onClick=${act.pause}>
          ${state.paused ? "Resume" : "Pause"}</button>
        <button type="button" title="Read from the first packet" onClick=${() => act.from("beginning")}>From the beginning</button>
      </div>
      <${Jump} jump=${act.jump} />
      <${ViewFilter} calls=${calls} state=${state} apply=${act.filter} />
    </div>`;
}

function Jump({ jump }) {
  const [number, change] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (number !== "") jump(Number(number));
  };
  return html`
    <form class="jump" onSubmit=${submit}>
      <label for="jump">Go to number</label>
      <input id="jump" type="number" min="0" inputmode="numeric" aria-keyshortcuts="g" value=${number} onInput=${(event) => change(event.target.value)} />
      <button type="submit">Go</button>
    </form>`;
}

function ViewFilter({ calls, state, apply }) {
  const [filter, change] = useState(state.filter ?? "");
  const verdict = useFilterCheck(calls, filter);
  const applied = filter.trim() === (state.filter ?? "");
  const submit = (event) => {
    event.preventDefault();
    if (!verdict.objection) apply(filter.trim());
  };
  return html`
    <form class="viewfilter" onSubmit=${submit}>
      <${FilterField} id="viewfilter" label="Show only" value=${filter} change=${change} verdict=${verdict}
        objection=${applied ? state.filterSaid : null} placeholder="everything" hint="" />
      <button type="submit" disabled=${Boolean(verdict.objection) || (applied && !state.filterSaid)}>Apply</button>
      ${state.filter && html`<button type="button" onClick=${() => { change(""); apply(""); }}>Clear</button>`}
    </form>`;
}
