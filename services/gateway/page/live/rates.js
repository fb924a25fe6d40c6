// Packets and bytes a second, by the time of capture. However long a capture is there are so many
// buckets and no more: when they run out, each becomes twice as wide.
const MOST = 600;

export class Rates {
  constructor() {
    this.clear();
  }

  clear() {
    this.width = 1;
    this.begin = null; // second of the first bucket
    this.packets = [];
    this.bytes = [];
  }

  add(packets) {
    for (const packet of packets) this.#count(Math.floor(parseFloat(packet.time)), packet.length);
  }

  /** For the chart: seconds, packets a second, bytes a second; without the bucket that still fills. */
  series() {
    const whole = (values) => (values.length > 1 ? values.slice(0, -1) : values);
    const rates = (values) => whole(values).map((value) => value / this.width);
    return {
      seconds: whole(this.packets).map((_, at) => this.begin + at * this.width),
      packets: rates(this.packets),
      bytes: rates(this.bytes),
      width: this.width,
    };
  }

  #count(second, length) {
    if (this.begin === null) this.begin = second;
    const at = this.#bucket(second);
    this.packets[at] += 1;
    this.bytes[at] += length;
  }

  #bucket(second) {
    // A packet from before the first (clocks are set back) counts with the first.
    let at = Math.max(0, Math.floor((second - this.begin) / this.width));
    while (at >= MOST) {
      this.#widen();
      at = Math.floor((second - this.begin) / this.width);
    }
    while (this.packets.length <= at) {
      this.packets.push(0);
      this.bytes.push(0);
    }
    return at;
  }

  #widen() {
    this.width *= 2;
    this.packets = halved(this.packets);
    this.bytes = halved(this.bytes);
  }
}

function halved(values) {
  const sums = [];
  for (let at = 0; at < values.length; at += 2) sums.push(values[at] + (values[at + 1] ?? 0));
  return sums;
}
