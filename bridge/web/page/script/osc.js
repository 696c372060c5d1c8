// OSC 1.0 messages to bytes and back, as far as sideman speaks it: i f s T F N, and bundles in.
//
// A number goes out as `f`; whole(n) makes it an `i`. Either is taken where a number is meant.

const text = new TextEncoder();
const untext = new TextDecoder();

/** A whole number that goes out as `i`. */
export const whole = (number) => ({ whole: Math.round(number) });

/** The bytes of one message. */
export function encode(address, args = []) {
  const parts = [padded(address), padded("," + args.map(tag).join(""))];
  for (const value of args) {
    if (typeof value === "string") parts.push(padded(value));
    else if (typeof value === "number") parts.push(four((view) => view.setFloat32(0, value)));
    else if (value && value.whole !== undefined)
      parts.push(four((view) => view.setInt32(0, value.whole)));
  }
  return joined(parts);
}

/** The messages in a packet, as [address, args] in their order. */
export function decode(buffer) {
  const reader = new Reader(buffer);
  const address = reader.string();
  if (address !== "#bundle") return [[address, reader.args()]];
  reader.at += 8;
  const found = [];
  while (reader.at < buffer.byteLength) {
    const size = reader.int();
    found.push(...decode(buffer.slice(reader.at, reader.at + size)));
    reader.at += size;
  }
  return found;
}

function tag(value) {
  if (typeof value === "string") return "s";
  if (typeof value === "boolean") return value ? "T" : "F";
  if (typeof value === "number") return "f";
  return value && value.whole !== undefined ? "i" : "N";
}

function padded(string) {
  const bytes = text.encode(string);
  const out = new Uint8Array((bytes.length + 4) & ~3);
  out.set(bytes);
  return out;
}

function four(write) {
  const out = new Uint8Array(4);
  write(new DataView(out.buffer));
  return out;
}

function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

class Reader {
  constructor(buffer) {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.at = 0;
  }

  string() {
    const end = this.bytes.indexOf(0, this.at);
    const found = untext.decode(this.bytes.subarray(this.at, end));
    this.at = (end + 4) & ~3;
    return found;
  }

  int() {
    this.at += 4;
    return this.view.getInt32(this.at - 4);
  }

  args() {
    const take = {
      i: () => this.int(),
      f: () => this.view.getFloat32((this.at += 4) - 4),
      s: () => this.string(),
      d: () => this.view.getFloat64((this.at += 8) - 8),
      T: () => true,
      F: () => false,
    };
    const tags = this.at < this.bytes.length ? this.string().slice(1) : "";
    return [...tags].map((each) => (take[each] ? take[each]() : null));
  }
}
