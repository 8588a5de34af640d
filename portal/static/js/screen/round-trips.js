// The round trips of a display connection: how long they take, and when their absence means that the
// connection is dead although nobody has closed it. Pure; times are milliseconds of one clock.

const KEPT = 30;
const SMOOTHING = 0.3;

/** No answer for so long, and not a byte of picture either: the connection is dead. */
export const DEAD_AFTER_MS = 10_000;

/** The same, where there is a reason to doubt: the network has changed, the computer has slept. */
export const DOUBTED_AFTER_MS = 3_000;

/** Ticks further apart than this: this page did not run, which is no fault of the connection. */
const SLEPT_AFTER_MS = 5_000;

export class RoundTrips {
  #outstanding = new Map();
  #recent = [];
  #heardAt;
  #tickedAt;
  #patience = DEAD_AFTER_MS;
  #next = 1;

  /** Of the last round trip, in milliseconds; `null` before the first. */
  latest = null;
  /** The same, without its jumps. */
  smooth = null;

  constructor(now) {
    this.#heardAt = now;
    this.#tickedAt = now;
  }

  /** The least of the recent ones: what the way takes when nothing waits on it. */
  get least() {
    return this.#recent.length ? Math.min(...this.#recent) : null;
  }

  /** Whether a probe is on its way. */
  get waiting() {
    return this.#outstanding.size > 0;
  }

  /** A probe is sent; returns its number. */
  sent(now) {
    const number = this.#next;
    this.#next += 1;
    this.#outstanding.set(number, now);
    return number;
  }

  /** A probe came back. Returns what it took; `null` if it is not known. */
  returned(number, now) {
    this.heard(now);
    const sent = this.#outstanding.get(number);
    if (sent === undefined) return null;
    this.#outstanding.delete(number);
    this.#patience = DEAD_AFTER_MS;
    this.latest = now - sent;
    this.smooth =
      this.smooth === null ? this.latest : this.smooth + SMOOTHING * (this.latest - this.smooth);
    this.#recent.push(this.latest);
    if (this.#recent.length > KEPT) this.#recent.shift();
    return this.latest;
  }

  /** Bytes came, of whatever kind. */
  heard(now) {
    this.#heardAt = Math.max(this.#heardAt, now);
  }

  /** There is a reason to ask at once, and not to wait long for the answer. */
  doubt(now) {
    this.#outstanding.clear();
    this.#heardAt = now;
    this.#patience = DOUBTED_AFTER_MS;
  }

  /** To be called about once a second. Returns whether the connection is dead. */
  isDead(now) {
    const slept = now - this.#tickedAt > SLEPT_AFTER_MS;
    this.#tickedAt = now;
    if (slept) {
      this.doubt(now);
      return false;
    }
    const oldest = Math.min(...this.#outstanding.values());
    return now - Math.max(oldest, this.#heardAt) > this.#patience;
  }
}
