// The rows of a view, in order: packets and gaps. Memory is bounded: of packets far from what is
// looked at only the numbers of the span are kept, and its rows are read again when wanted.
const SPAN_ROWS = 1000; // as many as one call gives
const MOST_LOADED = 150; // spans

export class Rows {
  constructor() {
    this.clear();
  }

  clear() {
    this.total = 0;
    this.spans = [];
    this.loaded = new Set(); // in the order in which they were last looked at
  }

  add(packets) {
    for (let at = 0; at < packets.length; ) {
      const span = this.#open(packets[at].number);
      const taken = packets.slice(at, at + SPAN_ROWS - span.count);
      for (const packet of taken) span.rows.push(packet);
      this.#grow(span, taken.length);
      span.last = taken[taken.length - 1].number;
      at += taken.length;
    }
    this.#forget();
  }

  addGap(gap) {
    const start = this.total;
    this.spans.push({ start, count: 1, gap });
    this.total += 1;
  }

  /** `count` rows from index `top`; null for each that must be loaded first, and their spans. */
  window(top, count) {
    const rows = [];
    const missing = new Set();
    const end = Math.min(this.total, top + count);
    for (let index = Math.max(0, top); index < end; ) {
      const span = this.spans[this.#spanAt(index)];
      const upto = Math.min(end, span.start + span.count);
      for (; index < upto; index++) rows.push(rowOf(span, index));
      if (span.gap) continue;
      if (span.rows) this.#touch(span);
      else missing.add(span);
    }
    return { rows, missing: [...missing] };
  }

  /** Give a span its rows back. */
  load(span, packets) {
    if (!this.spans.includes(span)) return;
    span.rows = packets;
    this.#touch(span);
    this.#forget();
  }

  /** The span that holds `number` or else the next packet; null where nothing follows. */
  spanFrom(number) {
    return this.spans.find((span) => !span.gap && span.last >= number) ?? null;
  }

  indexIn(span, number) {
    const at = span.rows.findIndex((packet) => packet.number >= number);
    return span.start + Math.max(0, at);
  }

  gapAt(index) {
    const at = this.#spanAt(index);
    return this.spans[at]?.gap ? at : null;
  }

  /** Put packets where a gap was; what is left of the gap stays behind them. Rows added. */
  fill(at, packets, rest) {
    const added = [];
    for (let from = 0; from < packets.length; from += SPAN_ROWS) {
      const rows = packets.slice(from, from + SPAN_ROWS);
      added.push({ count: rows.length, first: rows[0].number, last: rows[rows.length - 1].number, rows, closed: true });
    }
    if (rest) added.push({ count: 1, gap: rest });
    this.spans.splice(at, 1, ...added);
    const before = this.total;
    this.#renumber(at);
    for (const span of added) if (!span.gap) this.#touch(span);
    return this.total - before;
  }

  #renumber(from) {
    let start = from > 0 ? this.spans[from - 1].start + this.spans[from - 1].count : 0;
    for (const span of this.spans.slice(from)) {
      span.start = start;
      start += span.count;
    }
    this.total = start;
  }

  #open(number) {
    const last = this.spans[this.spans.length - 1];
    if (last && !last.gap && !last.closed && last.rows && last.count < SPAN_ROWS) return last;
    const span = { start: this.total, count: 0, first: number, last: number, rows: [] };
    this.spans.push(span);
    this.#touch(span);
    return span;
  }

  #grow(span, rows) {
    span.count += rows;
    this.total += rows;
  }

  #touch(span) {
    this.loaded.delete(span);
    this.loaded.add(span);
  }

  #forget() {
    const last = this.spans[this.spans.length - 1];
    for (const span of this.loaded) {
      if (this.loaded.size <= MOST_LOADED) return;
      if (span === last) continue;
      span.rows = null;
      this.loaded.delete(span);
    }
  }

  #spanAt(index) {
    let low = 0;
    let high = this.spans.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.spans[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const rowOf = (span, index) => (span.gap ? { gap: span.gap } : span.rows ? span.rows[index - span.start] : null);
