// Keys that a browser keeps for itself, as X knows them, and what is sent of them together. Pure.

/** [keysym, code]: the code is where the key is, for servers that go by it. */
export const KEYS = Object.freeze({
  Control: [0xffe3, "ControlLeft"],
  Alt: [0xffe9, "AltLeft"],
  Shift: [0xffe1, "ShiftLeft"],
  Super: [0xffeb, "MetaLeft"],
  Escape: [0xff1b, "Escape"],
  Tab: [0xff09, "Tab"],
  Enter: [0xff0d, "Enter"],
  Backspace: [0xff08, "Backspace"],
  Delete: [0xffff, "Delete"],
  PrintScreen: [0xff61, "PrintScreen"],
  F4: [0xffc1, "F4"],
});

/** What is held down until it is let go again. */
export const MODIFIERS = Object.freeze(["Control", "Alt", "Shift", "Super"]);

/** One press each, of all their keys in this order. */
export const CHORDS = Object.freeze([
  { label: "Ctrl + Alt + Del", size: "wide", keys: ["Control", "Alt", "Delete"] },
  { label: "Super", keys: ["Super"] },
  { label: "Alt + Tab", keys: ["Alt", "Tab"] },
  { label: "Alt + F4", keys: ["Alt", "F4"] },
  { label: "Esc", keys: ["Escape"] },
  { label: "Tab", keys: ["Tab"] },
  { label: "Print", keys: ["PrintScreen"] },
]);

export const FUNCTION_KEYS = Object.freeze(
  Array.from({ length: 12 }, (_, index) => [0xffbe + index, `F${index + 1}`]),
);

/** Where the arrows are, for devices whose keyboards have none. */
export const ARROWS = Object.freeze([
  { label: "Left", sign: "←", key: [0xff51, "ArrowLeft"] },
  { label: "Up", sign: "↑", key: [0xff52, "ArrowUp"] },
  { label: "Down", sign: "↓", key: [0xff54, "ArrowDown"] },
  { label: "Right", sign: "→", key: [0xff53, "ArrowRight"] },
]);

/** The keysym of a character: Latin-1 is itself, the rest is Unicode's plane of keysyms. */
export function keysymOf(character) {
  const point = character.codePointAt(0);
  if (point === 0x0a || point === 0x0d) return KEYS.Enter[0];
  if (point === 0x09) return KEYS.Tab[0];
  if ((point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff)) return point;
  return 0x01000000 | point;
}

/** Down in order, up in the opposite one. `send` takes (keysym, code, down). */
export function press(send, keys) {
  for (const [keysym, code] of keys) send(keysym, code, true);
  for (const [keysym, code] of [...keys].reverse()) send(keysym, code, false);
}

/**
 * How a text field's content came from another: so many characters less at the end, and then these.
 * On-screen keyboards tell nothing better.
 */
export function typedBetween(before, after) {
  const old = [...before];
  const now = [...after];
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same += 1;
  return { erased: old.length - same, added: now.slice(same) };
}
