// The live view from the keyboard: letters count where no text is being written.
import { html } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { useEffect } from "../vendor/preact-hooks.js";

const KEYS = [
  ["↑ ↓, j k", "previous and next packet"],
  ["Page Up, Page Down, Home, End", "further"],
  ["Enter", "into the packet's layers; on a gap, fetch it"],
  ["Escape", "close the packet"],
  ["f", "follow the newest, or stay"],
  ["p", "pause, or resume"],
  ["g", "go to a number"],
  ["/", "filter"],
  ["?", "this list"],
];

export function useShortcuts(act) {
  useEffect(() => {
    const keys = {
      f: act.follow,
      p: act.pause,
      g: () => document.getElementById("jump")?.focus(),
      "/": () => document.getElementById("viewfilter")?.focus(),
      "?": act.help,
      Escape: act.close,
    };
    const pressed = (event) => {
      const writing = event.target.closest?.("input, select, textarea, dialog");
      if (writing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
      event.preventDefault();
      keys[event.key]();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  });
}

export const Shortcuts = ({ close }) => html`
  <${Dialog} title="Keys" close=${close}>
    <dl class="keys">${KEYS.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <p class="actions"><button type="button" autofocus onClick=${close}>Close</button></p>
  <//>`;
