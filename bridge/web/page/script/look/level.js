// Levels in decibels, and how a meter's needle moves.

export const LOWEST_DB = -60;
export const HIGHEST_DB = 6;

const PEAK_FALL_DB_PER_S = 24;
const HOLD_MS = 1500;
const RMS_S = 0.3;

export const toDb = (factor) => 20 * Math.log10(Math.max(factor, 1e-6));

/** A level as people read it. */
export const shownDb = (db) => (db < LOWEST_DB ? "-∞" : db.toFixed(db > -9.95 ? 1 : 0));

/** Where a level stands on the scale, 0..1. */
export const place = (db) =>
  Math.min(1, Math.max(0, (db - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)));

/** One channel's peak, its hold and its RMS, all in dB. */
export class Needle {
  constructor() {
    this.peak_db = this.hold_db = this.rms_db = -120;
    this.power = 0;
    this.held_ms = this.moved_ms = 0;
  }

  /** New levels have come, as factors. */
  take(peak, rms, now_ms) {
    if (!Number.isFinite(peak + rms)) return; // a fault upstream, which the limiter makes silent
    const passed_s = Math.min(1, (now_ms - this.taken_ms || 33) / 1000);
    this.taken_ms = now_ms;
    this.power += (rms * rms - this.power) * (1 - Math.exp(-passed_s / RMS_S));
    this.rms_db = toDb(Math.sqrt(this.power));
    const db = toDb(peak);
    this.peak_db = Math.max(this.peak_db, db);
    if (db < this.hold_db) return;
    this.hold_db = db;
    this.held_ms = now_ms;
  }

  /** Time has passed. */
  move(now_ms) {
    const fall_db = (Math.max(0, now_ms - this.moved_ms) / 1000) * PEAK_FALL_DB_PER_S;
    this.moved_ms = now_ms;
    this.peak_db = Math.max(-120, this.peak_db - fall_db);
    if (now_ms - this.held_ms > HOLD_MS) this.hold_db = Math.max(this.peak_db, this.hold_db - fall_db);
  }
}
