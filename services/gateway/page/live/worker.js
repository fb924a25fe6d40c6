// Off the page's own thread: the connection, parsing, and all rows. The page asks for what it
// shows, once a frame at most, and is told once that there is something new until it has asked.
import { Calls } from "../gateway/calls.js";
import { Rates } from "./rates.js";
import { Rows } from "./rows.js";
import { stored } from "./stored.js";
import { Stream } from "./stream.js";

const FILL_ROWS = 1000;

const rows = new Rows();
const rates = new Rates();
const loading = new Set();
let stream = null;
let calls = null;
let told = false;
let generation = 0;

function changed() {
  if (told) return;
  told = true;
  postMessage({ say: "changed" });
}

const sink = {
  clear() {
    rows.clear();
    rates.clear();
    loading.clear();
    generation += 1;
    changed();
  },
  packets(packets) {
    rows.add(packets);
    rates.add(packets);
    changed();
  },
  gap(gap) {
    rows.addGap(gap);
    changed();
  },
  changed,
};

const does = {
  open({ key, session, from, filter }) {
    calls = new Calls(key, () => postMessage({ say: "key-refused" }));
    stream = new Stream({ calls, session, from, filter, sink });
    stream.run();
  },
  view({ top: asked, count, tail, chart }) {
    told = false;
    const top = tail ? Math.max(0, rows.total - count) : asked;
    const { rows: shown, missing } = rows.window(top, count);
    for (const span of missing) load(span);
    const state = { ...stream.state, counts: stream.counts, filter: stream.filter, origin: stream.origin };
    postMessage({ say: "view", generation, total: rows.total, top, rows: shown, state, series: chart ? rates.series() : null });
  },
  pause: () => stream.pause(),
  resume: () => stream.resume(),
  filter: ({ filter }) => stream.restart(stream.origin, filter),
  from: ({ from }) => stream.restart(from, stream.filter),
  find,
  fill: ({ index }) => fill(index),
};

async function find({ number }) {
  // The ledger is told once a second; what has come since is known here.
  const known = Math.max(stream.state.ledger?.captured ?? 0, stream.account.next ?? 0);
  if (number >= known) return trouble(known ? `There is no packet ${number} yet: the last is ${known - 1}.` : "There is no packet yet.");
  if (!stream.account.holds(number)) return stream.restart(number, stream.filter);
  const span = rows.spanFrom(number);
  if (span && !span.rows) await load(span);
  if (span?.rows) postMessage({ say: "found", index: rows.indexIn(span, number) });
  else if (!span && rows.total) postMessage({ say: "found", index: rows.total - 1 });
}

const trouble = (detail) => postMessage({ say: "trouble", detail });

async function load(span) {
  if (loading.has(span)) return;
  loading.add(span);
  try {
    const range = { first: span.first, last: span.last, filter: stream.filter, most: span.count };
    const { items } = await stored(calls, stream.session, range);
    rows.load(span, padded(items, span.count));
  } catch {
    // The connection's own state says that the gateway is away; the rows are asked for again.
  } finally {
    loading.delete(span);
    changed();
  }
}

// Retention may have taken some of them since: the rows keep their places.
const padded = (items, count) => [...items, ...Array(Math.max(0, count - items.length)).fill({ number: null })];

async function fill(index) {
  const at = rows.gapAt(index);
  if (at === null || loading.has(rows.spans[at])) return;
  const span = rows.spans[at];
  const { first, count, reason } = span.gap;
  const last = first + count - 1;
  loading.add(span);
  try {
    const range = { first, last, filter: stream.filter, most: FILL_ROWS };
    const { items, next } = await stored(calls, stream.session, range);
    const place = rows.spans.indexOf(span);
    if (place < 0) return;
    const rest = next <= last ? { first: next, count: last - next + 1, reason } : null;
    const added = rows.fill(place, items, rest);
    stream.account.fetched(next - first);
    postMessage({ say: "moved", at: index, by: added });
  } catch (problem) {
    trouble(problem.message);
  } finally {
    loading.delete(span);
    changed();
  }
}

onmessage = ({ data }) => does[data.do](data);
