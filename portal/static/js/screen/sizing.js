// How the remote screen and this window are brought together.
//
//     fit     the remote screen gets the window's size; until it has, the picture is scaled
//     scale   the picture is scaled to the window; who only looks has this alone
//     actual  a pixel is a pixel, and what does not fit is moved about

const KEPT = "fx.screen.sizing";

export const SIZINGS = Object.freeze([
  { name: "fit", label: "Resize to this window" },
  { name: "scale", label: "Scale the picture" },
  { name: "actual", label: "Actual size" },
]);

export class Sizing extends EventTarget {
  #stage;
  #display = null;
  #steers = false;

  chosen = SIZINGS.some(({ name }) => name === localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "fit";
  /** Whether a drag moves the picture instead of the session's pointer. */
  moving = false;

  constructor(stage) {
    super();
    this.#stage = stage;
    // An on-screen keyboard takes a part of the window: the screen gets what is left.
    visualViewport?.addEventListener("resize", () => this.#fitViewport());
    this.#fitViewport();
  }

  /** What holds, for who may steer and for who may not. */
  get current() {
    return this.#steers || this.chosen === "actual" ? this.chosen : "scale";
  }

  /** Whether there is more picture than window. */
  get overflows() {
    return this.#display?.clippingViewport ?? false;
  }

  attach(display, steers) {
    this.#display = display;
    this.#steers = steers;
    display.addEventListener("clippingviewport", () => this.#changed());
    this.#apply();
  }

  choose(name) {
    this.chosen = name;
    localStorage.setItem(KEPT, name);
    this.#apply();
  }

  toggleMoving() {
    this.moving = !this.moving;
    this.#apply();
  }

  #apply() {
    if (!this.#display) return;
    const actual = this.current === "actual";
    this.#display.clipViewport = actual;
    this.#display.scaleViewport = !actual;
    this.#display.resizeSession = this.current === "fit";
    this.#changed();
  }

  #changed() {
    this.moving &&= this.overflows;
    if (this.#display) this.#display.dragViewport = this.moving;
    this.dispatchEvent(new CustomEvent("changed"));
  }

  #fitViewport() {
    const viewport = visualViewport;
    if (!viewport) return;
    const covered = innerHeight - viewport.height * viewport.scale;
    this.#stage.style.setProperty("bottom", covered > 80 ? `${Math.round(covered)}px` : "0px");
  }
}
