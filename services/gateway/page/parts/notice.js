// What a view shows when it has nothing else to show, or something to say first.
import { html } from "../html.js";

export const Loading = ({ what }) => html`
  <p class="notice loading" role="status"><span class="spinner" aria-hidden="true"></span>Reading ${what}…</p>`;

export const Empty = ({ title, children }) => html`
  <div class="notice empty"><h2>${title}</h2>${children}</div>`;

/** A Problem, with what can be done about it. */
export function Trouble({ problem, again, children }) {
  return html`
    <div class="notice trouble" role="alert">
      <h2>${titleOf(problem)}</h2>
      <p>${problem.message}</p>
      ${children}
      ${again && html`<p><button type="button" onClick=${again}>Try again</button></p>`}
    </div>`;
}

function titleOf(problem) {
  return problem.code === "forbidden" ? "Your key does not allow this" : problem.title ?? "Something went wrong";
}
