// What became of every packet between the first wanted and the next: this page's side of the
// ledger, over all the connections that it took.
export class Account {
  constructor() {
    this.first = null;
    this.next = null;
    this.sent = 0;
    this.skipped = 0;
    this.missing = 0;
  }

  /** Packets flow from here; after a lost connection, go on from where we were. */
  started(first) {
    this.first ??= first;
    this.next ??= first;
  }

  packets({ next, packets }) {
    this.sent += packets.length;
    this.next = next;
  }

  gap({ first, count, reason }) {
    if (first === undefined || first === null) return; // kernel drops have no numbers
    if (reason === "slow-viewer") this.skipped += count;
    else this.missing += count;
    this.next = Math.max(this.next, first + count);
  }

  /** Whether the packet `number` came, was kept back by the filter, or is told as missing. */
  holds(number) {
    return this.first !== null && this.first <= number && number < this.next;
  }

  /** Packets that were skipped, and are fetched now. */
  fetched(count) {
    this.skipped -= count;
    this.sent += count;
  }

  counts(isFiltered) {
    const { sent, skipped, missing } = this;
    const rest = this.next - this.first - sent - skipped - missing;
    return { sent, filtered: isFiltered ? Math.max(0, rest) : 0, skipped, missing };
  }
}
