// Stored packets, by REST: rows that were let go, and gaps that can be filled.
import { captureAt } from "../gateway/calls.js";

const MOST_CALLS = 50; // with a filter a page may be empty and still have a next one

/** The packets from `first` to `last` that pass the filter, `most` of them, and where to go on. */
export async function stored(calls, session, { first, last, filter, most }) {
  const items = [];
  let from = first;
  for (let call = 0; call < MOST_CALLS && from !== null && from <= last && items.length < most; call++) {
    const limit = Math.min(1000, most - items.length);
    const query = new URLSearchParams({ from, limit, filter });
    const page = await calls.get(`${captureAt(session)}/packets?${query}`);
    items.push(...page.items.filter((packet) => packet.number <= last));
    from = page.next_cursor === null ? null : Number(page.next_cursor);
  }
  return { items, next: from === null ? last + 1 : Math.min(from, last + 1) };
}
