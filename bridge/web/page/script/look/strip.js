// The columns of one waveform by their number, as far back as can be shown.

const CAPACITY = 1024;

/** Columns `first <= number < end`. */
export class Strip {
  constructor() {
    this.levels = new Int8Array(2 * CAPACITY);
    this.first = 0;
    this.end = 0;
  }

  /** Take `{first, levels}`: it replaces what was there, and what lies beyond it stays. */
  put({ first, levels }) {
    const end = first + levels.length / 2;
    if (end === first) return;
    if (first < this.first || first > this.end + CAPACITY) this.first = this.end = first;
    for (let number = this.end; number < first; number += 1) this.set(number, 0, 0);
    for (let i = 0; i < levels.length; i += 2) this.set(first + i / 2, levels[i], levels[i + 1]);
    this.end = Math.max(this.end, end);
    this.first = Math.max(this.first, this.end - CAPACITY);
  }

  has = (number) => number >= this.first && number < this.end;
  low = (number) => this.levels[2 * (number % CAPACITY)];
  high = (number) => this.levels[2 * (number % CAPACITY) + 1];

  set(number, low, high) {
    const place = 2 * (number % CAPACITY);
    this.levels[place] = low;
    this.levels[place + 1] = high;
  }
}
