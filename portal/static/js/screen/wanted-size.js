// The size that a remote screen is asked to have, for a window of a size. Pure; CSS pixels.

/** Applications of the desktop are of no use on less; a phone's picture of them is scaled down. */
export const LEAST_WIDTH = 640;

/** @returns {{w: number, h: number}} of the window's proportions */
export function wantedSize(width, height) {
  const factor = Math.max(1, LEAST_WIDTH / Math.max(1, width));
  return { w: Math.floor(width * factor), h: Math.floor(height * factor) };
}
