// Where the stream is, in words; what needs attention is said aloud.
import { html } from "../html.js";
import { ended, reasonOf } from "../parts/words.js";

const LOUD = new Set(["lost", "refused"]);

export function Phase({ state, word, trouble, dismiss }) {
  const said = [sentence(state), state.phase !== "lost" && state.phase !== "refused" ? state.said : null].filter(Boolean);
  return html`
    <div class="phase" data-phase=${state.phase} role="status" data-loud=${LOUD.has(state.phase) ? "" : null}>
      ${said.map((text) => html`<p>${text}</p>`)}
      ${word && html`<p>${word}</p>`}
      ${trouble && html`<p class="loss">${trouble} <button type="button" class="plain" onClick=${dismiss}>Dismiss</button></p>`}
    </div>`;
}

function sentence({ phase, capture, said, tries, paused }) {
  const over = capture && ended(capture);
  switch (phase) {
    case "connecting": return "Connecting…";
    case "lost": return lostSentence(said, tries);
    case "refused": return `This capture cannot be shown: ${said}`;
    case "ended": return `The capture ended: ${reasonOf(capture)}.`;
    case "paused": return `Paused. Nothing is lost: what comes meanwhile is shown when you resume.${over ? " The capture has ended." : ""}`;
    case "waiting": return paused ? "Paused." : "Waiting for packets…";
    case "idle": return "Nothing is being read.";
    default: return capture?.state === "lost" ? "The agent is not heard of. Its packets come when it is back." : "";
  }
}

// After a few tries: a streamer that refuses the page looks to it like one that is away.
const lostSentence = (said, tries) =>
  `Connection lost${said ? ` (${said})` : ""}. Trying again, and going on from the packet after the last one.`
  + (tries > 4 ? ` If this lasts: the streamer may be away, or not know this page's address, ${location.origin} (CAPFLOW_ORIGINS).` : "");
