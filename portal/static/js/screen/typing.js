// An on-screen keyboard: a text field that nobody sees has the focus, and what is typed into it goes
// to the session. Such keyboards tell of texts, hardly of keys.

import { ARROWS, KEYS, press, typedBetween } from "./keysyms.js";
import { LeaveChord } from "./leave-chord.js";

// Something to erase has to be there, or a Backspace would tell of nothing.
const FILLING = "\u00a0".repeat(24);
const KEPT_AT_MOST = 400;

const NAMED = new Map([
  ...ARROWS.map(({ key }) => [key[1], key]),
  ...["Escape", "Tab", "Enter", "Delete"].map((name) => [name, KEYS[name]]),
]);

/** Dispatches `changed` when it opens or closes, `leave` when a person wants to get out. */
export class Typing extends EventTarget {
  #field;
  #display = null;
  #before = FILLING;
  #chord = new LeaveChord();

  constructor(field) {
    super();
    this.#field = field;
    field.addEventListener("input", () => this.#typed());
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("keyup", (event) => this.#chord.up(event) && this.dispatchEvent(new CustomEvent("leave")));
    for (const type of ["focus", "blur"]) {
      field.addEventListener(type, () => this.dispatchEvent(new CustomEvent("changed")));
    }
    this.#refill();
  }

  get open() {
    return document.activeElement === this.#field;
  }

  attach(display) {
    this.#display = display;
    // A press on the screen would take the focus, and with it the keyboard, away.
    display.focusOnClick = !this.open;
  }

  toggle() {
    if (this.open) {
      this.#field.blur();
    } else {
      this.#refill();
      this.#field.focus({ preventScroll: true });
    }
    if (this.#display) this.#display.focusOnClick = !this.open;
  }

  #typed() {
    const { erased, added } = typedBetween(this.#before, this.#field.value);
    for (let count = 0; count < erased; count += 1) press(this.#send, [KEYS.Backspace]);
    for (const character of added) this.#display?.type(character);
    this.#before = this.#field.value;
    if (this.#before.length > KEPT_AT_MOST || this.#before.length < FILLING.length / 2) this.#refill();
  }

  #key(event) {
    this.#chord.down(event);
    const key = NAMED.get(event.key);
    if (!key || event.isComposing) return;
    event.preventDefault();
    press(this.#send, [key]);
  }

  #refill() {
    this.#field.value = FILLING;
    this.#before = FILLING;
    this.#field.setSelectionRange(FILLING.length, FILLING.length);
  }

  #send = (keysym, code, down) => this.#display?.sendKey(keysym, code, down);
}
