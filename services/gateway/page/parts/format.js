// Numbers, sizes and times as people read them.
const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-CA", { dateStyle: "short" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export const count = (number) => COUNT.format(number);
export const short = (number) => SHORT.format(number);

export function bytes(number) {
  const step = number < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(number) / 10));
  const value = number / 1024 ** step;
  return `${value >= 100 || step === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[step]}`;
}

export function duration(seconds) {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return both(Math.floor(seconds / 60), "min", Math.floor(seconds % 60), "s");
  return both(Math.floor(seconds / 3600), "h", Math.floor((seconds % 3600) / 60), "min");
}

const both = (large, unit, small, part) => `${large} ${unit}${small ? ` ${small} ${part}` : ""}`;

/** A moment (RFC 3339): the clock, with the day where it is not today. */
export function moment(text) {
  const at = new Date(text);
  const today = DAY.format(at) === DAY.format(new Date());
  return today ? CLOCK.format(at) : `${DAY.format(at)} ${CLOCK.format(at)}`;
}

export function ago(text, now = Date.now()) {
  const seconds = (now - Date.parse(text)) / 1000;
  return seconds < 2 ? "just now" : `${duration(seconds).replace(/\.\d/, "")} ago`;
}

/** Of `1795384502.041233107`: the clock, to the microsecond. */
export function packetClock(time) {
  const dot = time.indexOf(".");
  const at = new Date(Number(time.slice(0, dot)) * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${clock}.${time.slice(dot + 1, dot + 7)}`;
}
