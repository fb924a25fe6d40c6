// A packet's bytes, sixteen to a line, in hex and as ASCII. What a field covers is lit.
import { html } from "../html.js";
import { useEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";

const LINE = 16;
const STEP = 2048; // bytes drawn at once: the largest packets have many more

export function decoded(base64) {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** `lit` is {offset, length} or null; `point(offset)` is told the byte under the pointer. */
export function Hex({ data, lit, point }) {
  const [most, showMore] = useState(STEP);
  const place = useRef();
  const lines = useMemo(() => linesOf(data, most), [data, most]);
  useEffect(() => light(place.current, lit), [lit, lines]);
  const over = (event) => point(offsetOf(event.target));
  const rest = data.length - most;
  return html`
    <div class="hex code" role="region" aria-label="Bytes" tabindex="0" ref=${place} onPointerOver=${over} onPointerLeave=${() => point(null)}>
      ${lines}
      ${rest > 0 && html`<button type="button" onClick=${() => showMore(most + STEP)}>Show more of the other ${rest} bytes</button>`}
    </div>`;
}

function linesOf(data, most) {
  const lines = [];
  for (let at = 0; at < Math.min(data.length, most); at += LINE) lines.push(lineOf(data, at));
  return lines;
}

function lineOf(data, at) {
  const bytes = Array.from(data.subarray(at, at + LINE));
  const blank = Array(LINE - bytes.length).fill(html`<i>\u00a0\u00a0</i>`);
  return html`
    <div class="line" key=${at}>
      <span class="offset">${at.toString(16).padStart(4, "0")}</span>
      <span class="bytes">${bytes.map((byte, n) => html`<i data-at=${at + n}>${byte.toString(16).padStart(2, "0")}</i>`)}${blank}</span>
      <span class="ascii" aria-hidden="true">${bytes.map((byte, n) => html`<i data-at=${at + n}>${shown(byte)}</i>`)}</span>
    </div>`;
}

const shown = (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·");

function offsetOf(target) {
  const at = target.dataset?.at;
  return at === undefined ? null : Number(at);
}

function light(place, lit) {
  for (const byte of place.querySelectorAll(".lit")) byte.classList.remove("lit");
  if (!lit || !lit.length) return;
  for (const byte of place.querySelectorAll("i[data-at]")) {
    const at = Number(byte.dataset.at);
    if (at >= lit.offset && at < lit.offset + lit.length) byte.classList.add("lit");
  }
}
