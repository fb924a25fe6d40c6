// A capture's state: a word and a shape, so that colour is never all there is.
import { html } from "../html.js";
import { STATES } from "./words.js";

export const State = ({ state }) => html`
  <span class="badge" data-state=${state}>${STATES[state] ?? state}</span>`;

export const Online = ({ online }) => html`
  <span class="badge" data-state=${online ? "running" : "offline"}>${online ? "Online" : "Offline"}</span>`;
