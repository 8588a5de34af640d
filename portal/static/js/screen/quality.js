// How good the picture is, chosen by how the connection does: down as soon as pictures queue up on
// the way, up only after they have not for a while, and more slowly each time that was too early.
// Pure; times are milliseconds of one clock.

/** From the leanest to the best: noVNC's levels (0..9), of JPEG and of compression. */
export const STEPS = Object.freeze([
  Object.freeze({ name: "Leanest", quality: 0, compression: 9 }),
  Object.freeze({ name: "Lean", quality: 2, compression: 7 }),
  Object.freeze({ name: "Medium", quality: 4, compression: 5 }),
  Object.freeze({ name: "Good", quality: 6, compression: 2 }),
  Object.freeze({ name: "Best", quality: 9, compression: 1 }),
]);

export const FIRST_STEP = 3;

/** So much longer than the least round trip, and pictures are queueing. */
export const QUEUED_MS = 150;
/** Not more than that longer, and they are not. */
export const EASY_MS = 50;

const DOWN_AFTER = 2;
const UP_AFTER_MS = 6_000;
const UP_AFTER_MOST_MS = 120_000;
/** Worse again so soon after an improvement: the improvement was the cause. */
const TOO_EARLY_MS = 20_000;
/** A quiet screen says nothing of what the way can carry; its calm counts a fifth. */
const BUSY_BYTES_PER_SECOND = 20_000;
const QUIET_COUNTS = 0.2;

export class QualityLadder {
  #step;
  #queued = 0;
  #easyMs = 0;
  #upAfterMs = UP_AFTER_MS;
  #improvedAt = -Infinity;
  #observedAt = null;

  constructor(step = FIRST_STEP) {
    this.#step = Math.min(Math.max(step, 0), STEPS.length - 1);
  }

  get step() {
    return this.#step;
  }

  /**
   * One round trip, and how much came meanwhile.
   * @returns {boolean} whether the step is another from now on
   */
  observe({ now, roundTripMs, leastMs, bytesPerSecond }) {
    const passedMs = this.#observedAt === null ? 0 : Math.min(now - this.#observedAt, 5_000);
    this.#observedAt = now;
    const waitMs = roundTripMs - leastMs;
    if (waitMs > QUEUED_MS) {
      this.#easyMs = 0;
      this.#queued += 1;
      return this.#queued >= DOWN_AFTER && this.#worsen(now);
    }
    this.#queued = 0;
    if (waitMs > EASY_MS) return false;
    this.#easyMs += passedMs * (bytesPerSecond > BUSY_BYTES_PER_SECOND ? 1 : QUIET_COUNTS);
    return this.#easyMs >= this.#upAfterMs && this.#improve(now);
  }

  #worsen(now) {
    this.#queued = 0;
    if (this.#step === 0) return false;
    this.#step -= 1;
    if (now - this.#improvedAt < TOO_EARLY_MS) {
      this.#upAfterMs = Math.min(this.#upAfterMs * 2, UP_AFTER_MOST_MS);
    }
    return true;
  }

  #improve(now) {
    this.#easyMs = 0;
    if (this.#step === STEPS.length - 1) return false;
    this.#step += 1;
    this.#improvedAt = now;
    return true;
  }
}
