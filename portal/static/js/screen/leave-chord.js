// Ctrl + Alt + Shift, pressed together and let go without another key: the way out of a screen that
// takes every key, also for whoever has no mouse. Pure.

const KEYS = Object.freeze(["Control", "Alt", "Shift", "AltGraph", "Meta"]);

/** How it is written where people are told of it. */
export const LEAVE_CHORD = "Ctrl + Alt + Shift";

export class LeaveChord {
  #armed = false;

  /** @param {{key: string, ctrlKey: boolean, altKey: boolean, shiftKey: boolean}} event */
  down({ key, ctrlKey, altKey, shiftKey }) {
    // With another key it is a shortcut of the session's.
    this.#armed = KEYS.includes(key) && ctrlKey && altKey && shiftKey;
  }

  /** Whether it was pressed, and now is let go. */
  up({ key }) {
    const done = this.#armed && KEYS.includes(key);
    this.#armed = false;
    return done;
  }
}
