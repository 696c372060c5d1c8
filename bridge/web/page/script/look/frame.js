// Frames of the picture that the server sends, as bridge/web/look/frame.py lays them out.

const SOUNDS = 1;
const HOLDS = 2;
const LITTLE = true;

/** The contents of one frame; columns and bands are views of its bytes. */
export function decode(buffer) {
  const reader = new Reader(buffer);
  const ear = reader.f64();
  const playing = Boolean(reader.u8());
  const [anchors, bands, decks] = [reader.u8(), reader.u8(), reader.u8()];
  return {
    ear, playing,
    stopped: reader.f64(),
    bar: { beat: reader.f64(), beats: reader.f64(), number: reader.i32() },
    anchors: times(anchors, () => ({ sample: reader.f64(), beat: reader.f64(), bpm: reader.f64() })),
    levels: reader.levels(),
    bands: reader.bytes(bands),
    decks: times(decks, () => deck(reader)),
  };
}

function deck(reader) {
  const number = reader.u8();
  const flags = reader.u8();
  return {
    number,
    sounds: Boolean(flags & SOUNDS),
    holds: Boolean(flags & HOLDS),
    headroom_s: reader.f32(),
    end: reader.f64(),
    levels: reader.levels(),
    heard: reader.columns(),
    ahead: reader.columns(),
  };
}

const times = (count, call) => Array.from({ length: count }, call);

class Reader {
  constructor(buffer) {
    this.buffer = buffer;
    this.view = new DataView(buffer);
    this.at = 0;
  }

  past(bytes) {
    this.at += bytes;
    return this.at - bytes;
  }

  u8 = () => this.view.getUint8(this.past(1));
  u16 = () => this.view.getUint16(this.past(2), LITTLE);
  i32 = () => this.view.getInt32(this.past(4), LITTLE);
  f32 = () => this.view.getFloat32(this.past(4), LITTLE);
  f64 = () => this.view.getFloat64(this.past(8), LITTLE);
  bytes = (count) => new Uint8Array(this.buffer, this.past(count), count);

  /** Highest levels and RMS, left and right, as factors of full scale. */
  levels() {
    return { peak: [this.f32(), this.f32()], rms: [this.f32(), this.f32()] };
  }

  /** Columns of a waveform: the number of the first, and lowest and highest level of each. */
  columns() {
    const first = this.f64();
    const count = this.u16();
    return { first, levels: new Int8Array(this.buffer, this.past(2 * count), 2 * count) };
  }
}
