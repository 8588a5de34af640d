// Where the toolbar is, and whether: a slim handle at an edge of the screen, that opens when it is
// pressed, rested on or reached by keys, and closes when nobody needs it. It can be dragged along its
// edge and to the other one, and is found there again.

import { h } from "../dom.js";

const KEPT = "fx.screen.dock";
const CLOSES_AFTER_MS = 1_500;
const SHOWN_AT_FIRST_MS = 4_000;
/** Crossing the handle on the way to something below it is not resting on it. */
const RESTED_MS = 350;
const DRAGGED_PX = 6;
const STEP = 0.04;

export class Dock extends EventTarget {
  #root;
  #bar;
  #handle;
  #closing = 0;
  #resting = 0;
  #place = readPlace();
  /** A mouse is over it; or it was touched, and nothing else since: a finger hovers nowhere. */
  #used = false;

  /** Whether it stays open. */
  pinned = localStorage.getItem(`${KEPT}.pinned`) === "yes";

  constructor(root, bar) {
    super();
    this.#root = root;
    this.#bar = bar;
    this.#handle = h(
      "button",
      { class: "dock-handle", type: "button", "aria-label": "Toolbar", "aria-expanded": "false", "aria-controls": bar.id },
      h("span", { class: "dock-grip" }),
    );
    root.append(bar, this.#handle);
    this.#listen();
    this.#put();
    this.#setOpen(false);
  }

  get open() {
    return !this.#bar.hidden;
  }

  /** Whether there is anything to steer. */
  setPresent(present) {
    const appears = present && this.#root.hidden;
    this.#root.hidden = !present;
    if (!appears) return;
    this.#setOpen(true);
    this.#closeAfter(SHOWN_AT_FIRST_MS);
  }

  /** Open it and go there. */
  enter() {
    this.#setOpen(true);
    this.#bar.querySelector("a, button")?.focus();
  }

  togglePinned() {
    this.pinned = !this.pinned;
    localStorage.setItem(`${KEPT}.pinned`, this.pinned ? "yes" : "no");
    if (!this.pinned) this.#closeAfter(CLOSES_AFTER_MS);
  }

  #setOpen(open) {
    clearTimeout(this.#closing);
    const changed = open === this.#bar.hidden;
    this.#bar.hidden = !open;
    this.#handle.setAttribute("aria-expanded", String(open));
    if (changed) this.dispatchEvent(new CustomEvent("changed"));
  }

  #closeAfter(ms) {
    clearTimeout(this.#closing);
    this.#closing = setTimeout(() => this.#closeIfIdle(), ms);
  }

  // A menu of it is open, the focus or the pointer is in it: it is needed.
  #closeIfIdle() {
    const root = this.#root;
    const busy = this.#used || root.matches(":focus-within") || root.querySelector(":popover-open");
    if (this.pinned) return;
    if (busy) this.#closeAfter(CLOSES_AFTER_MS);
    else this.#setOpen(false);
  }

  #listen() {
    const root = this.#root;
    root.addEventListener("pointerenter", () => {
      this.#used = true;
      clearTimeout(this.#closing);
    });
    root.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && this.#leave());
    addEventListener("pointerdown", ({ target }) => root.contains(target) || this.#leave(), true);
    root.addEventListener("focusin", () => clearTimeout(this.#closing));
    root.addEventListener("focusout", () => this.#closeAfter(CLOSES_AFTER_MS));
    root.addEventListener("keydown", (event) => {
      // In a menu or panel of it, Escape closes that alone.
      if (event.key !== "Escape" || event.target.closest("[popover]")) return;
      this.#setOpen(this.pinned);
      this.dispatchEvent(new CustomEvent("left"));
    });
    this.#handle.addEventListener("pointerenter", (event) => this.#rest(event));
    this.#handle.addEventListener("pointerleave", () => clearTimeout(this.#resting));
    this.#handle.addEventListener("pointerdown", (event) => this.#grab(event));
    this.#handle.addEventListener("click", (event) => {
      // A press by keys; presses by a pointer are told from drags in #grab.
      if (event.detail === 0) this.#toggle();
    });
    this.#handle.addEventListener("keydown", (event) => this.#moveByKeys(event));
  }

  #leave() {
    if (!this.#used) return;
    this.#used = false;
    this.#closeAfter(CLOSES_AFTER_MS);
  }

  #toggle() {
    if (this.open && !this.pinned) this.#setOpen(false);
    else this.#setOpen(true);
  }

  #rest({ buttons, pointerType }) {
    clearTimeout(this.#resting);
    if (buttons === 0 && pointerType === "mouse") this.#resting = setTimeout(() => this.#setOpen(true), RESTED_MS);
  }

  #grab(down) {
    if (down.button !== 0) return;
    // A finger leaves the focus where it is, and with it a keyboard on the screen.
    if (down.pointerType === "touch") down.preventDefault();
    clearTimeout(this.#resting);
    const handle = this.#handle;
    handle.setPointerCapture(down.pointerId);
    let dragged = false;
    const move = (event) => {
      dragged ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAGGED_PX;
      if (dragged) this.#moveTo(event.clientX / innerWidth, event.clientY > innerHeight / 2 ? "bottom" : "top");
    };
    const up = (event) => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", up);
      handle.removeEventListener("pointercancel", up);
      if (!dragged && event.type === "pointerup") this.#toggle();
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", up);
    handle.addEventListener("pointercancel", up);
  }

  #moveByKeys(event) {
    const { at, edge } = this.#place;
    const to = {
      ArrowLeft: [at - STEP, edge],
      ArrowRight: [at + STEP, edge],
      ArrowUp: [at, "top"],
      ArrowDown: [at, "bottom"],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    this.#moveTo(...to);
  }

  #moveTo(at, edge) {
    this.#place = { at: Math.min(1, Math.max(0, at)), edge };
    localStorage.setItem(KEPT, JSON.stringify(this.#place));
    this.#put();
  }

  #put() {
    this.#root.dataset.edge = this.#place.edge;
    this.#root.style.setProperty("--at", this.#place.at);
  }
}

function readPlace() {
  try {
    const { at, edge } = JSON.parse(localStorage.getItem(KEPT));
    if (at >= 0 && at <= 1 && (edge === "top" || edge === "bottom")) return { at, edge };
  } catch {
    // nothing kept, or by another version
  }
  return { at: 0.5, edge: "top" };
}
