// Where beats and bars lie among the samples, from the transport's anchors.

const EPSILON_BEATS = 1e-6;
const MOST = 400; // lines in one picture: a broken tempo must not hang a page

/** Call `line(sample, bar)` for every beat from sample `first` to `last`: `bar` is the number of the
 * bar that begins there (from 1), or 0. */
export function eachBeat(sight, first, last, line) {
  const { anchors, rate, bar } = sight;
  const end = sight.playing ? last : Math.min(last, sight.stopped);
  let count = 0;
  anchors.forEach((anchor, i) => {
    const from = Math.max(first, anchor.sample);
    const until = Math.min(end, anchors[i + 1]?.sample ?? Infinity);
    if (until <= from || !(anchor.bpm > 0)) return;
    const beatSamples = (60 * rate) / anchor.bpm;
    const beatAt = (sample) => anchor.beat + (sample - anchor.sample) / beatSamples;
    const begin = Math.ceil(beatAt(from) - bar.beat - EPSILON_BEATS) + bar.beat;
    for (let beat = begin; count < MOST; beat += 1, count += 1) {
      const sample = anchor.sample + (beat - anchor.beat) * beatSamples;
      if (sample >= until) break;
      line(sample, barAt(beat, bar));
    }
  });
}

function barAt(beat, bar) {
  const passed = (beat - bar.beat) / bar.beats;
  const whole = Math.round(passed);
  return Math.abs(passed - whole) < EPSILON_BEATS ? bar.number + whole + 1 : 0;
}
