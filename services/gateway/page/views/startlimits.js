// How much a capture may take, and what happens when nobody watches.
import { html } from "../html.js";
import { bytes, count, duration } from "../parts/format.js";

export const MIB = 1 << 20;
const SHOWN = { seconds: duration, packets: (number) => `${count(number)} packets`, bytes };

export function Limits({ asked, change, wrong, caps }) {
  const set = (name) => (event) => change({ [name]: event.target.value });
  return html`
    <fieldset>
      <legend>It ends at the first of these</legend>
      <div class="row">
        <${Number} id="seconds" label="Seconds" value=${asked.seconds} min="1" said=${wrong("limits.seconds")} input=${set("seconds")} />
        <${Number} id="mib" label="Size in MiB" value=${asked.mib} min="0" said=${wrong("limits.bytes")} input=${set("mib")} />
        <${Number} id="packets" label="Packets" value=${asked.packets} min="1" placeholder="any number"
          said=${wrong("limits.packets")} input=${set("packets")} />
      </div>
      <p class="said">${operatorWord(caps)}</p>
    </fieldset>
    <div class="row">
      <${Number} id="snaplen" label="Bytes kept of each packet" value=${asked.snaplen} min="14" placeholder="all the service keeps"
        said=${wrong("snaplen")} input=${set("snaplen")} />
      <${Number} id="idle" label="Ends unwatched after (seconds)" value=${asked.idle} min="1" disabled=${asked.keep}
        said=${wrong("idle_seconds")} input=${set("idle")} />
    </div>
    <label class="check"><input type="checkbox" checked=${asked.keep} onChange=${(event) => change({ keep: event.target.checked })} />
      Keep going when nobody watches</label>`;
}

const Number = ({ id, label, said, input, ...field }) => html`
  <div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} type="number" inputmode="numeric" ...${field} onInput=${input}
      aria-invalid=${said ? "true" : null} aria-describedby=${said ? `${id}-said` : null} />
    ${said && html`<p id=${`${id}-said`} class="said wrong">${said}</p>`}
  </div>`;

function operatorWord(caps) {
  if (!caps) return "The operator may have set lower caps; what holds is told when it has started.";
  const set = Object.keys(SHOWN).filter((name) => caps[name]).map((name) => SHOWN[name](caps[name]));
  return set.length ? `The operator allows at most ${set.join(", ")}.` : "The operator has set no caps.";
}

/** What the operator's caps made of the limits asked for; null where nothing. */
export function capsWord(asked, given) {
  const cut = Object.keys(SHOWN).filter((name) => given[name] !== null && given[name] !== asked[name]);
  if (!cut.length) return null;
  return `The operator's caps hold: it ends after ${cut.map((name) => SHOWN[name](given[name])).join(" or ")}.`;
}
