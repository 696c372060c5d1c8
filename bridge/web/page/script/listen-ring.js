// What has come of a stream and is not played yet, at another clock's pace.
//
// The server's samples and this machine's are not quite equally long, and chunks come unevenly. So
// a reserve is kept: what plays runs up to 0.3 % faster or slower to hold it where it should be, and
// whenever it was too small for the network it becomes larger. Used in the worklet and, where pages
// have none, in the page.

const LEAST_S = 0.1;
const MOST_S = 0.5;
const GROWTH = 1.5;
const CAPACITY_S = 2;
const BEND = 0.003; // inaudible
const SMOOTHING = 0.01; // of each call to `read`
const SLEPT_S = 0.2;
const AHEAD_SAMPLES = 3; // that the curve through a place needs
const FADE_SAMPLES = 64; // from sound to silence and back, so that it does not click

export class Ring {
  /** `rate`: of the samples that come; `playedRate`: of those that are asked for. */
  constructor(rate, playedRate) {
    this.rate = rate;
    this.step = rate / playedRate;
    this.capacity = Math.ceil(rate * CAPACITY_S);
    this.left = new Float32Array(this.capacity);
    this.right = new Float32Array(this.capacity);
    this.reserveS = LEAST_S;
    this.underruns = 0;
    this.written = 0; // samples, ever
    this.place = 0; // of the ear, between two of them
    this.playing = false;
    this.gain = 0;
    this.smooth = 0;
  }

  /** Samples that wait. */
  get waiting() {
    return this.written - this.place;
  }

  /** Take int16 rows, left and right. */
  write(pcm) {
    for (let i = 0; i < pcm.length; i += 2) {
      const place = this.written++ % this.capacity;
      this.left[place] = pcm[i] / 32768;
      this.right[place] = pcm[i + 1] / 32768;
    }
    const reserve = this.reserveS * this.rate;
    // A page that slept comes back to the present, and does not play what was.
    if (this.waiting > 2 * reserve + SLEPT_S * this.rate)
      this.place = this.written - Math.round(reserve);
  }

  /** Fill two arrays of one length with what is next, or silence. */
  read(left, right) {
    const reserve = this.reserveS * this.rate;
    if (!this.playing && this.waiting >= reserve) this.begin();
    const step = this.pace(reserve);
    for (let i = 0; i < left.length; i++) {
      if (this.playing && this.waiting < AHEAD_SAMPLES + FADE_SAMPLES * step) this.starve();
      this.gain = Math.min(1, Math.max(0, this.gain + (this.playing ? 1 : -1) / FADE_SAMPLES));
      const heard = this.gain > 0 && this.waiting >= AHEAD_SAMPLES;
      left[i] = heard ? this.gain * this.at(this.left) : 0;
      right[i] = heard ? this.gain * this.at(this.right) : 0;
      if (heard) this.place += step;
    }
  }

  begin() {
    this.playing = true;
    this.smooth = this.waiting;
  }

  starve() {
    this.playing = false;
    this.underruns += 1;
    this.reserveS = Math.min(MOST_S, this.reserveS * GROWTH);
  }

  /** Samples of the stream for one that is played. */
  pace(reserve) {
    this.smooth += (this.waiting - this.smooth) * SMOOTHING;
    const bend = Math.min(1, Math.max(-1, (this.smooth - reserve) / reserve));
    // What is about right is left alone: at one pace the samples are the server's own.
    return this.step * (Math.abs(bend) < 0.25 ? 1 : 1 + BEND * bend);
  }

  /** The channel where it is read, on a curve through four samples (Hermite's). */
  at(channel) {
    const whole = Math.floor(this.place);
    const part = this.place - whole;
    const from = whole + this.capacity - 1;
    const a = channel[from % this.capacity];
    const b = channel[(from + 1) % this.capacity];
    const c = channel[(from + 2) % this.capacity];
    const d = channel[(from + 3) % this.capacity];
    const slope = (c - a) / 2;
    const bow = a - 2.5 * b + 2 * c - d / 2;
    const twist = (d - a) / 2 + 1.5 * (b - c);
    return ((twist * part + bow) * part + slope) * part + b;
  }
}
