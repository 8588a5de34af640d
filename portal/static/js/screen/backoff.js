// How long to wait before the next attempt. It doubles up to a bound, and is spread, so that all who
// lost the same server in the same moment do not come back in the same moment. Pure.

export const FIRST_MS = 500;
export const MOST_MS = 15_000;

/**
 * @param {number} failures attempts in a row that came to nothing, 0 for none
 * @param {() => number} random of [0, 1)
 * @returns {number} milliseconds
 */
export function delayAfter(failures, random = Math.random) {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.round(whole * (0.5 + random() / 2));
}
