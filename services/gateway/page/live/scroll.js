// Where a list of any length is looked at. Browsers cap the height of an element (Chromium at 33
// million px, Firefox at 17), so that beyond a bound the bar moves in proportion, while wheel and
// fingers still move by as much as they say.
export const MOST_PX = 15_000_000;
const SMALL_STEP = 2; // screens: what is less comes from a wheel or a finger, not from the bar

export class Scroll {
  constructor(rowHeight) {
    this.rowHeight = rowHeight;
    this.top = 0; // in px of the whole list
    this.height = 0; // of what is in sight
    this.total = 0;
    this.bar = 0; // where the browser's bar stands
  }

  resize(total, height, rowHeight) {
    const row = this.top / this.rowHeight;
    this.total = total;
    this.height = height;
    if (rowHeight !== this.rowHeight) this.top = row * rowHeight;
    this.rowHeight = rowHeight;
    this.top = Math.min(this.top, this.last);
  }

  /** Height of the element that makes the bar. */
  get spacer() {
    return Math.min(MOST_PX, this.total * this.rowHeight);
  }

  get last() {
    return Math.max(0, this.total * this.rowHeight - this.height);
  }

  get lastBar() {
    return Math.max(0, this.spacer - this.height);
  }

  get atEnd() {
    return this.top >= this.last - 1;
  }

  /** The browser's bar was moved. */
  moved(bar) {
    const step = bar - this.bar;
    this.bar = bar;
    const whole = this.last === this.lastBar;
    if (whole) this.top = bar;
    else if (bar <= 0) this.top = 0;
    else if (bar >= this.lastBar - 1) this.top = this.last;
    else if (Math.abs(step) < this.height * SMALL_STEP) this.top = clamp(this.top + step, 0, this.last);
    else this.top = (bar / this.lastBar) * this.last;
  }

  /** Look elsewhere; the answer is where the bar belongs. */
  to(top) {
    this.top = clamp(top, 0, this.last);
    this.bar = Math.round(this.last ? (this.top / this.last) * this.lastBar : 0);
    return this.bar;
  }

  /** Bring a row into sight; the answer is where the bar belongs. */
  reveal(index) {
    const at = index * this.rowHeight;
    if (at < this.top) return this.to(at);
    if (at + this.rowHeight > this.top + this.height) return this.to(at + this.rowHeight - this.height);
    return this.bar;
  }

  range() {
    const top = Math.floor(this.top / this.rowHeight);
    return { top, count: Math.ceil(this.height / this.rowHeight) + 1 };
  }
}

const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
