// Asks for the API key, once.
import { Calls } from "../gateway/calls.js";
import { html } from "../html.js";
import { useState } from "../vendor/preact-hooks.js";

export function KeyView({ refused, take }) {
  const [key, change] = useState("");
  const [said, say] = useState(refused ? "The gateway does not know this key any more." : "");
  const submit = async (event) => {
    event.preventDefault();
    say("");
    try {
      await new Calls(key.trim()).get("/v1/resources?limit=1");
      take(key.trim());
    } catch (problem) {
      say(problem.status === 401 ? "The gateway does not know this key." : problem.message);
    }
  };
  return html`
    <main class="keyview" id="main">
      <img src="/page/icon.svg" alt="" width="48" height="48" />
      <h1>Capflow</h1>
      <form onSubmit=${submit}>
        <div class="field">
          <label for="key">API key</label>
          <input id="key" type="password" class="code" required autofocus autocomplete="current-password"
            value=${key} aria-invalid=${said ? "true" : null} aria-describedby="key-said"
            onInput=${(event) => change(event.target.value)} />
          <p id="key-said" class=${said ? "said wrong" : "said"} role="alert">${said}</p>
        </div>
        <button class="primary" type="submit" disabled=${!key.trim()}>Continue</button>
      </form>
      <p class="quiet">Open the address that <code>capflow up</code> prints and no key is asked for; it also
        keeps the key in <code>admin.key</code> in its data folder. The key stays in this tab.</p>
    </main>`;
}
