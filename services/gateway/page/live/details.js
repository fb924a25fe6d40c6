// One packet: its layers beside its bytes, each lighting the other.
import { captureAt } from "../gateway/calls.js";
import { html } from "../html.js";
import { count } from "../parts/format.js";
import { Loading, Trouble } from "../parts/notice.js";
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { Hex, decoded } from "./hex.js";
import { LayerTree, partAt } from "./layertree.js";

const REST_MS = 60; // while a key is held down, only where it comes to rest is read

export function Details({ calls, session, row, close }) {
  const found = useDetails(calls, session, row.number);
  const place = useRef();
  const key = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return html`
    <section class="details" aria-label=${`Packet ${row.number}`} ref=${place} onKeyDown=${key}>
      <header>
        <h2>Packet ${count(row.number)}</h2>
        <p class="quiet">${lengths(found.value, row)}</p>
        <button type="button" class="plain" onClick=${close}>Close</button>
      </header>
      ${content(found)}
    </section>`;
}

function lengths(packet, row) {
  if (!packet || packet.captured === packet.length) return `${count(row.length)} bytes`;
  return `${count(packet.captured)} of ${count(packet.length)} bytes kept`;
}

function content({ value, problem, again }) {
  if (problem) return html`<${Trouble} problem=${problem} again=${again} />`;
  if (!value) return html`<${Loading} what="the packet" />`;
  return html`<${Parts} packet=${value} />`;
}

function Parts({ packet }) {
  const [pointed, point] = useState(null);
  const [byte, pointByte] = useState(null);
  const { layers, bytes, note } = packet;
  const part = byte === null ? pointed : partAt(layers, byte);
  const placed = part && part.offset !== null && part.offset !== undefined;
  return html`
    ${note && html`<p class="note" role="status">${note}</p>`}
    <div class="parts">
      <${LayerTree} key=${`tree-${packet.number}`} layers=${layers} lit=${byte === null ? null : part} point=${point} />
      <${Hex} key=${`hex-${packet.number}`} data=${bytes} lit=${placed ? part : null} point=${pointByte} />
    </div>`;
}

function useDetails(calls, session, number) {
  const [found, show] = useState({});
  const [tries, again] = useState(0);
  useEffect(() => {
    const stale = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const packet = await calls.get(`${captureAt(session)}/packets/${number}`, { signal: stale.signal });
        show({ value: { ...packet, bytes: decoded(packet.data) } });
      } catch (problem) {
        if (!stale.signal.aborted) show({ problem });
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stale.abort();
    };
  }, [calls, session, number, tries]);
  return { ...found, again: () => again(tries + 1) };
}
