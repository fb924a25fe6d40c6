// The counts that account for every packet; what is lost stands out.
import { html } from "../html.js";
import { bytes, count } from "./format.js";

const LEDGER = [
  ["seen", "Seen", "Packets that passed the kernel's filter"],
  ["captured", "Captured", "Packets read from the ring, each with a number"],
  ["stored", "Stored", "Packets that the endpoint has acknowledged"],
  ["dropped_kernel", "Kernel drops", "Packets the kernel had no room for"],
  ["dropped_agent", "Agent drops", "Packets the agent could not keep"],
  ["beyond_limit", "Beyond limit", "Packets in the ring when a limit was reached"],
];
const VIEWER = [
  ["sent", "Sent", "Packets sent to this page"],
  ["filtered", "Filtered", "Packets that the view's filter kept back"],
  ["skipped", "Skipped", "Packets this page was too slow for; they can be fetched"],
  ["missing", "Missing", "Packets that are not in the store"],
];
const LOSSES = new Set(["dropped_kernel", "dropped_agent", "skipped", "missing"]);

export const Ledger = ({ ledger, viewer }) => html`
  <dl class="ledger" aria-label="Ledger">
    ${LEDGER.map((entry) => html`<${Count} entry=${entry} of=${ledger} />`)}
    <div><dt title="Captured bytes in the store">Size</dt><dd>${bytes(ledger.bytes)}</dd></div>
    ${viewer && VIEWER.map((entry, at) => html`<${Count} entry=${entry} of=${viewer} first=${at === 0} />`)}
  </dl>`;

function Count({ entry: [name, title, meaning], of, first }) {
  const value = of[name] ?? 0;
  const loss = LOSSES.has(name) && value > 0;
  return html`<div class=${loss ? "loss" : first ? "viewer" : ""}><dt title=${meaning}>${title}</dt><dd>${count(value)}</dd></div>`;
}

/** How many packets of a capture were lost on the way to the store. */
export const lost = (ledger) => ledger.dropped_kernel + ledger.dropped_agent;
