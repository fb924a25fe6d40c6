// A question that must be answered first; Escape is no.
import { html } from "../html.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";

export function Dialog({ title, close, children }) {
  const element = useRef();
  useEffect(() => element.current.showModal(), []);
  return html`
    <dialog ref=${element} onClose=${close} aria-labelledby="dialog-title">
      <h2 id="dialog-title">${title}</h2>
      ${children}
    </dialog>`;
}

export function Question({ title, yes, act, close, children }) {
  return html`
    <${Dialog} title=${title} close=${close}>
      ${children}
      <p class="actions">
        <button type="button" onClick=${close} autofocus>Cancel</button>
        <button type="button" class="danger" onClick=${act}>${yes}</button>
      </p>
    <//>`;
}
