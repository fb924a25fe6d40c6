// Brings a capture as a file. The call takes a header, so that it is no plain link; what came is
// handed to the browser piece by piece, which keeps large pieces on disk and not in our memory.
import { captureAt } from "../gateway/calls.js";
import { Problem } from "../gateway/problem.js";
import { html } from "../html.js";
import { bytes } from "../parts/format.js";
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";

const PIECE = 16 << 20;
const TOLD_MS = 200;

export function Download({ calls, session, trouble }) {
  const [got, show] = useState(null);
  const running = useRef(null);
  useEffect(() => () => running.current?.abort(), []);
  const begin = async () => {
    const abort = (running.current = new AbortController());
    show(0);
    try {
      const response = await calls.stream(`${captureAt(session)}/pcapng`, abort.signal);
      offer(await collected(response.body, show), `${session}.pcapng`);
    } catch (problem) {
      if (!abort.signal.aborted) trouble(problem instanceof Problem ? problem : brokenOff());
    }
    show(null);
  };
  if (got === null) return html`<button type="button" aria-label=${`Download ${session}`} onClick=${begin}>Download</button>`;
  return html`<button type="button" aria-label=${`Cancel the download of ${session}`} onClick=${() => running.current.abort()}>
    ${bytes(got)} · Cancel</button>`;
}

async function collected(body, show) {
  let pieces = [], chunks = [], open = 0, all = 0, told = 0;
  const reader = body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return new Blob([...pieces, ...chunks], { type: "application/x-pcapng" });
    chunks.push(value);
    open += value.length;
    all += value.length;
    if (open >= PIECE) {
      pieces.push(new Blob(chunks));
      [chunks, open] = [[], 0];
    }
    if (performance.now() - told > TOLD_MS) {
      told = performance.now();
      show(all);
    }
  }
}

const brokenOff = () =>
  new Problem({ title: "The download broke off", detail: "The connection ended before the file was whole. Try again." }, 0);

function offer(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
