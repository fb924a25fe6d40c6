// A packet's layers and their fields, as a tree that arrow keys walk (WAI-ARIA, tree view).
import { html } from "../html.js";
import { useEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";

/** `lit` is the field under the pointer in the bytes; `point(part)` is told what is pointed at here. */
export function LayerTree({ layers, lit, point }) {
  const [closed, close] = useState(new Set());
  const items = useMemo(() => itemsOf(layers, closed), [layers, closed]);
  const [at, move] = useState(0);
  const tree = useRef();
  const go = (index) => {
    const to = Math.max(0, Math.min(items.length - 1, index));
    move(to);
    tree.current.querySelectorAll("[role=treeitem]")[to]?.focus();
    point(items[to].part);
  };
  const toggle = (layer, open = closed.has(layer)) => {
    const now = new Set(closed);
    if (open) now.delete(layer);
    else now.add(layer);
    close(now);
  };
  const keys = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    Home: () => go(0),
    End: () => go(items.length - 1),
    ArrowRight: () => (items[at].layer ? toggle(items[at].part, true) : null),
    ArrowLeft: () => (items[at].layer ? toggle(items[at].part, false) : go(items.findLastIndex((each, n) => n < at && each.layer))),
    Enter: () => items[at].layer && toggle(items[at].part),
  };
  const key = (event) => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  };
  useEffect(() => {
    if (at >= items.length) move(0);
  }, [items]);
  return html`
    <div class="tree" role="tree" aria-label="Layers" ref=${tree} onKeyDown=${key} onPointerLeave=${() => point(null)}>
      ${items.map((item, n) => html`
        <${Item} key=${item.id} item=${item} tab=${n === at} open=${!closed.has(item.part)} lit=${lit === item.part}
          point=${point} press=${() => { move(n); if (item.layer) toggle(item.part); }} />`)}
    </div>`;
}

function Item({ item: { part, layer, level }, tab, open, lit, point, press }) {
  return html`
    <div class=${`item${layer ? " layer" : ""}${lit ? " lit" : ""}`} role="treeitem" tabindex=${tab ? 0 : -1} aria-level=${level}
      aria-selected=${tab ? "true" : "false"} aria-expanded=${layer ? String(open) : null} onClick=${press}
      onPointerEnter=${() => point(part)} onFocus=${() => point(part)}>
      <span class="name">${part.name}</span>
      ${!layer && html`<span class="value">${part.shown ?? String(part.value ?? "")}</span>`}
    </div>`;
}

function itemsOf(layers, closed) {
  return layers.flatMap((layer, n) => {
    const head = { id: `${n}`, part: layer, layer: true, level: 1 };
    if (closed.has(layer)) return [head];
    return [head, ...layer.fields.map((field, m) => ({ id: `${n}.${m}`, part: field, layer: false, level: 2 }))];
  });
}

/** The innermost field that covers a byte, else its layer. */
export function partAt(layers, offset) {
  if (offset === null) return null;
  const covers = (part) => part.offset !== null && part.offset <= offset && offset < part.offset + part.length;
  const fields = layers.flatMap((layer) => layer.fields).filter(covers);
  fields.sort((one, other) => one.length - other.length);
  return fields[0] ?? layers.findLast(covers) ?? null;
}
