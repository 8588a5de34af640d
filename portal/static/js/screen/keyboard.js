// The keyboard while it belongs to the session: what is taken out of it before noVNC sees it.

import { KEYS, MODIFIERS, press } from "./keysyms.js";
import { LeaveChord } from "./leave-chord.js";

/** Dispatches `leave` when a person wants to get out, `modifiers` when held ones have changed. */
export class Keyboard extends EventTarget {
  #stage;
  #clipboard;
  #display = null;
  #chord = new LeaveChord();

  /** Modifiers that are held down until they are let go by name. */
  held = new Set();

  constructor(stage, clipboard) {
    super();
    this.#stage = stage;
    this.#clipboard = clipboard;
    // In the capturing phase: noVNC listens on the canvas itself, and lets nothing through.
    stage.addEventListener("keydown", (event) => this.#down(event), true);
    stage.addEventListener("keyup", (event) => this.#up(event), true);
    stage.addEventListener("focusout", () => this.#display?.releaseKeys());
  }

  attach(display) {
    this.#display = display;
    this.held.clear();
    this.dispatchEvent(new CustomEvent("modifiers"));
  }

  focus() {
    this.#display?.focus({ preventScroll: true });
  }

  /** Press keys together: their names, as keysyms.js has them, or [keysym, code]. */
  press(keys) {
    press(this.#send, keys.map((key) => (typeof key === "string" ? KEYS[key] : key)));
  }

  /** Hold a modifier down, or let it go. */
  toggle(modifier) {
    const down = !this.held.has(modifier);
    if (down) this.held.add(modifier);
    else this.held.delete(modifier);
    this.#send(...KEYS[modifier], down);
    this.dispatchEvent(new CustomEvent("modifiers"));
  }

  /** Let go of all that is held. */
  release() {
    for (const modifier of MODIFIERS) if (this.held.has(modifier)) this.toggle(modifier);
  }

  #send = (keysym, code, down) => this.#display?.sendKey(keysym, code, down);

  #down(event) {
    this.#chord.down(event);
    if (!this.#clipboard.inward || !isPaste(event) || event.repeat) return;
    // Not prevented: the browser is to paste, which tells what is in its clipboard.
    event.stopPropagation();
    const key = event.code === "Insert" ? [0xff63, "Insert"] : [event.key.codePointAt(0), "KeyV"];
    this.#clipboard.pasted(() => press(this.#send, [key]));
  }

  #up(event) {
    if (!this.#chord.up(event)) return;
    this.#display?.releaseKeys();
    event.stopPropagation();
    this.dispatchEvent(new CustomEvent("leave"));
  }
}

function isPaste(event) {
  const v = event.key === "v" || event.key === "V";
  return (v && (event.ctrlKey || event.metaKey) && !event.altKey) || (event.code === "Insert" && event.shiftKey);
}
