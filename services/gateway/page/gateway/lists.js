// Whole lists, page by page.
const MOST_PAGES = 20;

export async function all(calls, path) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < MOST_PAGES && (page === 0 || cursor); page++) {
    const more = `${path.includes("?") ? "&" : "?"}limit=100`;
    const from = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const found = await calls.get(path + more + from);
    items.push(...found.items);
    cursor = found.next_cursor;
  }
  return items;
}
