// One row on the screen, filled again and again. Text from packets gets in as text only.
import { count, packetClock } from "../parts/format.js";
import { GAPS } from "../parts/words.js";
import { familyOf } from "./families.js";

export const COLUMNS = [
  ["number", "No."],
  ["time", "Time"],
  ["source", "Source"],
  ["destination", "Destination"],
  ["protocol", "Protocol"],
  ["length", "Length"],
  ["info", "Info"],
];

export class PacketRow {
  #shown = null;
  #index = -1;

  constructor(id) {
    this.element = document.createElement("div");
    this.element.id = id;
    this.element.className = "packet";
    this.element.setAttribute("role", "row");
    this.cells = Object.fromEntries(COLUMNS.map(([name]) => [name, this.#cell(name)]));
  }

  get index() {
    return this.#index;
  }

  show(index, row, selected) {
    if (this.#index !== index) {
      this.#index = index;
      this.element.setAttribute("aria-rowindex", index + 2); // the head is the first
    }
    this.element.setAttribute("aria-selected", selected);
    if (row === this.#shown && row !== null) return;
    this.#shown = row;
    if (row === null) this.#waiting();
    else if (row.gap) this.#gap(row.gap);
    else if (row.number === null) this.#plain("removed", "No longer stored");
    else this.#packet(row);
  }

  #packet(row) {
    this.element.className = "packet";
    this.element.dataset.family = familyOf(row.protocol);
    const { cells } = this;
    set(cells.number, count(row.number));
    set(cells.time, packetClock(row.time));
    set(cells.source, row.source);
    set(cells.destination, row.destination);
    set(cells.protocol, row.protocol);
    set(cells.length, count(row.length));
    set(cells.info, row.info);
  }

  #gap(gap) {
    const range = gap.first === undefined || gap.first === null ? "" : ` from number ${count(gap.first)}`;
    const fetch = gap.reason === "slow-viewer" ? " Press Enter or double-click to fetch." : "";
    const what = gap.count ? `${count(gap.count)} packets${range} are not here` : `Packets${range} on may be missing`;
    this.#plain("gap", `${what}: ${GAPS[gap.reason] ?? gap.reason}.${fetch}`);
  }

  #waiting() {
    this.#plain("waiting", "…");
  }

  #plain(kind, text) {
    this.element.className = `packet ${kind}`;
    delete this.element.dataset.family;
    for (const [name, cell] of Object.entries(this.cells)) set(cell, name === "info" ? text : "");
  }

  #cell(name) {
    const cell = document.createElement("span");
    cell.className = `c-${name}`;
    cell.setAttribute("role", "gridcell");
    cell.append("");
    this.element.append(cell);
    return cell;
  }
}

function set(cell, text) {
  const node = cell.firstChild;
  if (node.data !== text) node.data = text;
}
