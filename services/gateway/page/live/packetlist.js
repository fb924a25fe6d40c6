// The packet list: as many rows as fit the screen, whatever the length of the capture.
import { COLUMNS, PacketRow } from "./packetrow.js";
import { Scroll } from "./scroll.js";

export class PacketList {
  #pool = [];
  #view = { top: 0, total: 0, rows: [], generation: 0 };
  #selected = null; // index
  #awaited = null; // index of a row that was chosen and is not here yet

  /** `hear`: {refresh(), follow(on), select(row), enter(), fill(index)}. */
  constructor(element, hear) {
    this.hear = hear;
    this.following = false;
    this.scroller = element;
    this.head = this.#headRow();
    this.window = made("div", "window", "rowgroup");
    this.inner = made("div", "inner", "presentation");
    this.spacer = made("div", "spacer", "presentation");
    this.window.append(this.inner);
    element.append(this.head, this.window, this.spacer);
    this.scroll = new Scroll(this.#rowHeight());
    this.#attend();
  }

  close() {
    this.sizes.disconnect();
    this.scroller.replaceChildren();
  }

  /** The rows in sight; those at the end while it is followed, wherever that is by then. */
  range() {
    return { ...this.scroll.range(), tail: this.following };
  }

  paint(view) {
    if (view.generation !== this.#view.generation) this.#selected = null;
    this.#view = view;
    this.#measure();
    if (this.following) this.#look(this.scroll.to(this.scroll.last));
    this.#draw();
    this.#settle();
    // What is in sight may have moved on since it was asked for.
    if (this.following && this.#wanting()) this.hear.refresh();
  }

  follow(on) {
    if (this.following === on) return;
    this.following = on;
    this.hear.follow(on);
    this.hear.refresh();
  }

  /** A row that was looked for. */
  found(index) {
    this.follow(false);
    this.#look(this.scroll.to((index - 3) * this.scroll.rowHeight));
    this.#select(index);
  }

  /** Rows have come in before what stands at `at`. */
  moved(at, by) {
    if (this.#selected !== null && this.#selected > at) this.#selected += by;
    if (this.scroll.top > at * this.scroll.rowHeight) this.scroll.top += by * this.scroll.rowHeight;
    this.hear.refresh();
  }

  unselect() {
    this.#selected = null;
    this.#draw();
  }

  // --- drawing ---

  #draw() {
    const { rowHeight, top } = this.scroll;
    const { count } = this.scroll.range();
    const first = Math.floor(top / rowHeight);
    while (this.#pool.length < count) this.#addRow();
    this.inner.style.transform = `translateY(${-Math.round(top - first * rowHeight)}px)`;
    this.#pool.forEach((row, at) => this.#drawRow(row, first + at, at < count));
    this.#pointAtSelected(first, count);
  }

  #drawRow(row, index, wanted) {
    const seen = wanted && index < this.#view.total;
    row.element.hidden = !seen;
    if (seen) row.show(index, this.#rowAt(index), index === this.#selected);
  }

  #rowAt(index) {
    return this.#view.rows[index - this.#view.top] ?? null;
  }

  #wanting() {
    const { top, count } = this.scroll.range();
    const end = Math.min(this.#view.total, top + count);
    return top < this.#view.top || end > this.#view.top + this.#view.rows.length;
  }

  #pointAtSelected(first, count) {
    const at = this.#selected === null ? -1 : this.#selected - first;
    if (at >= 0 && at < count) this.scroller.setAttribute("aria-activedescendant", this.#pool[at].element.id);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  #addRow() {
    const row = new PacketRow(`packet-row-${this.#pool.length}`);
    this.#pool.push(row);
    this.inner.append(row.element);
  }

  #measure() {
    const { total } = this.#view;
    const height = Math.max(0, this.scroller.clientHeight - this.head.offsetHeight);
    this.scroll.resize(total, height, this.#rowHeight());
    this.window.style.height = `${height}px`;
    this.spacer.style.height = `${Math.max(0, this.scroll.spacer - height)}px`;
    this.scroller.setAttribute("aria-rowcount", total + 1);
  }

  #rowHeight() {
    return parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row")) || 24;
  }

  #look(bar) {
    if (Math.abs(this.scroller.scrollTop - bar) >= 1) this.scroller.scrollTop = bar;
  }

  #headRow() {
    const head = made("div", "packet head", "row");
    head.setAttribute("aria-rowindex", 1);
    for (const [name, title] of COLUMNS) {
      const cell = made("span", `c-${name}`, "columnheader");
      cell.textContent = title;
      head.append(cell);
    }
    return head;
  }

  // --- what people do ---

  #attend() {
    const { scroller } = this;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("wheel", (event) => event.deltaY < 0 && this.follow(false), { passive: true });
    scroller.addEventListener("touchmove", () => this.follow(false), { passive: true });
    scroller.addEventListener("keydown", (event) => this.#key(event));
    this.inner.addEventListener("click", (event) => this.#clicked(event, (index) => this.#select(index)));
    this.inner.addEventListener("dblclick", (event) => this.#clicked(event, (index) => this.#enter(index)));
    this.sizes = new ResizeObserver(() => {
      this.#measure();
      // What was chosen stays in sight when its details take some of the room.
      if (this.#selected !== null) this.#look(this.scroll.reveal(this.#selected));
      this.hear.refresh();
    });
    this.sizes.observe(scroller);
  }

  #scrolled() {
    const bar = this.scroller.scrollTop;
    if (Math.abs(bar - this.scroll.bar) < 1) return; // our own doing
    const up = bar < this.scroll.bar;
    this.scroll.moved(bar);
    if (up) this.follow(false);
    this.#draw();
    this.hear.refresh();
  }

  #clicked(event, act) {
    const row = this.#pool.find((each) => each.element.contains(event.target));
    if (row) act(row.index);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroll.height / this.scroll.rowHeight) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.#step(steps[event.key]);
    else if (event.key === "Enter" && this.#selected !== null) this.#enter(this.#selected);
    else return;
    event.preventDefault();
  }

  #step(by) {
    const last = this.#view.total - 1;
    if (last < 0) return;
    const from = this.#selected ?? (by > 0 ? this.scroll.range().top - 1 : this.scroll.range().top + 1);
    this.#select(Math.max(0, Math.min(last, from + by)));
  }

  #select(index) {
    this.follow(false);
    this.#selected = index;
    this.#look(this.scroll.reveal(index));
    this.#draw();
    this.#tell(index);
  }

  // A row far away must come first; what is chosen is told when it is here.
  #tell(index) {
    const row = this.#rowAt(index);
    if (row) this.hear.select(row);
    else this.#awaited = index;
    this.hear.refresh();
  }

  #settle() {
    if (this.#awaited === null || this.#awaited !== this.#selected) return;
    const row = this.#rowAt(this.#awaited);
    if (!row) return;
    this.#awaited = null;
    this.hear.select(row);
  }

  #enter(index) {
    const row = this.#rowAt(index);
    if (row?.gap?.reason === "slow-viewer") this.hear.fill(index);
    else if (row && !row.gap) this.hear.enter();
  }
}

function made(tag, name, role) {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute("role", role);
  return element;
}
