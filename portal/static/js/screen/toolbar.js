// What one can do while the screen is there: the buttons, and which of them there are.

import { toastProblem } from "../announce.js";
import { me } from "../api.js";
import { freshId, h, setText } from "../dom.js";
import { icon } from "../icons.js";
import { attachMenu } from "../menu.js";
import { disconnectAll, nameOf, suspend, terminate } from "../steer.js";
import { attachClipboard } from "./clipboard-panel.js";
import { attachConnection } from "./connection-panel.js";
import { CAN_FILL_SCREEN, isFullScreen, onFullScreen, toggleFullScreen } from "./full-screen.js";
import { attachKeys } from "./keys-panel.js";
import { lazily } from "./lazy.js";
import { LEAVE_CHORD } from "./leave-chord.js";
import { openRename } from "./rename.js";
import { moveByArrows } from "./roving.js";
import { SIZINGS } from "./sizing.js";
import { attachViewers } from "./viewers-panel.js";

/**
 * @param {{keyboard: object, clipboard: object, pulse: object, sizing: object, typing: object,
 *   viewers: object, guest: boolean, feed: () => EventTarget}} parts
 */
export class Toolbar {
  #parts;
  #session = null;
  #steers = false;
  #buttons;
  #hint;
  #name = h("span", { class: "dock-name cut" });
  #mode = h("span", { class: "chip bare tone-warn", hidden: true }, "View only");

  element;

  constructor(parts) {
    this.#parts = parts;
    this.#buttons = this.#makeButtons();
    const { home, connection, people, keys, clipboard, typing, moving, full, share, more, pin } = this.#buttons;
    this.element = h(
      "div",
      { class: "dock-bar", id: freshId("toolbar"), role: "toolbar", "aria-label": "Session" },
      h("div", { class: "dock-row dock-about" }, home, this.#name, this.#mode, connection, people),
      h("div", { class: "dock-row dock-tools" }, keys, clipboard, typing, moving, full, share, more, pin),
      (this.#hint = h("p", { class: "dock-hint" }, h("kbd", {}, LEAVE_CHORD), " takes the keyboard back from the session")),
    );
    moveByArrows(this.element);
    this.#listen();
  }

  set dock(dock) {
    const { pin } = this.#buttons;
    pin.addEventListener("click", () => {
      dock.togglePinned();
      pin.setAttribute("aria-pressed", String(dock.pinned));
    });
    pin.setAttribute("aria-pressed", String(dock.pinned));
  }

  /** What the session is now. */
  update(session) {
    this.#session = session;
    this.#steers = session.access?.mode !== "view";
    const { access } = session;
    const { clipboard } = this.#parts;
    setText(this.#name, nameOf(session));
    this.#mode.hidden = this.#steers;
    this.#hint.hidden = !this.#steers;
    const { keys, share, more, people, home } = this.#buttons;
    keys.hidden = !this.#steers;
    this.#buttons.clipboard.hidden = !(clipboard.inward || clipboard.outward);
    share.hidden = access?.role !== "owner";
    people.hidden = this.#parts.guest;
    home.hidden = this.#parts.guest;
    more.hidden = this.#moreItems().length === 0;
    this.#updateTouch();
  }

  #makeButtons() {
    const { keyboard, clipboard, pulse, viewers } = this.#parts;
    const buttons = {
      home: h("a", { class: "button plain icon-only", href: "/", "aria-label": "All sessions", title: "All sessions" }, icon("back")),
      connection: told("connection", "Connection", bars(), heard("Connection, round trip"), h("span", { class: "latency numbers" }, "…")),
      people: told("people", "Who is connected", icon("people"), heard("Connected people:"), h("span", { class: "count numbers" })),
      keys: tool("keyboard", "Keys", h("span", { class: "held" })),
      clipboard: tool("clipboard", "Clipboard"),
      typing: tool("typing", "On-screen keyboard"),
      moving: tool("move", "Move the picture"),
      full: tool("fullscreen", "Full screen"),
      share: tool("share", "Share"),
      more: tool("more", "More"),
      pin: tool("pin", "Keep the toolbar open"),
    };
    attachConnection(buttons.connection, pulse);
    attachViewers(buttons.people, viewers);
    attachKeys(buttons.keys, keyboard);
    attachClipboard(buttons.clipboard, clipboard);
    attachMenu(buttons.more, () => this.#moreItems(), "More");
    return buttons;
  }

  #listen() {
    const { typing, sizing } = this.#parts;
    const { full, share, moving } = this.#buttons;
    full.hidden = !CAN_FILL_SCREEN;
    full.addEventListener("click", () => toggleFullScreen().catch(() => null));
    onFullScreen(() => {
      const label = isFullScreen() ? "Leave full screen" : "Full screen";
      full.setAttribute("aria-label", label);
      full.setAttribute("title", label);
      full.setAttribute("aria-pressed", String(isFullScreen()));
    });
    share.addEventListener("click", () => this.#share());
    // The press itself would take the focus from the field, and close the keyboard before it is asked to.
    this.#buttons.typing.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#buttons.typing.addEventListener("click", () => typing.toggle());
    moving.addEventListener("click", () => sizing.toggleMoving());
    typing.addEventListener("changed", () => this.#updateTouch());
    sizing.addEventListener("changed", () => this.#updateTouch());
  }

  #updateTouch() {
    const { typing, moving } = this.#buttons;
    typing.hidden = !this.#steers || navigator.maxTouchPoints === 0;
    typing.setAttribute("aria-pressed", String(this.#parts.typing.open));
    moving.hidden = !this.#parts.sizing.overflows;
    moving.setAttribute("aria-pressed", String(this.#parts.sizing.moving));
  }

  #moreItems() {
    const session = this.#session;
    const { sizing } = this.#parts;
    if (!session) return [];
    const sizes = SIZINGS.filter(({ name }) => this.#steers || name !== "fit").map(({ name, label }) => ({
      label,
      checked: sizing.current === name,
      run: () => sizing.choose(name),
    }));
    if (session.access?.role === "guest") return sizes;
    return [
      ...sizes,
      "line",
      { label: "Rename", icon: "pencil", run: () => openRename(session) },
      { label: "Suspend", icon: "pause", run: () => suspend(session) },
      { label: "Disconnect everybody", icon: "people", run: () => disconnectAll(session) },
      "line",
      { label: "End session", icon: "end", danger: true, run: () => terminate(session) },
    ];
  }

  async #share() {
    const dialog = await lazily(() => import("../share/dialog.js"));
    if (!dialog) return;
    try {
      dialog.openShare(this.#session, await me(), this.#parts.feed());
    } catch (problem) {
      toastProblem(problem, "Sharing is not possible now.");
    }
  }
}

function tool(name, label, ...more) {
  const attributes = { class: "button plain icon-only", type: "button", "aria-label": label, title: label };
  return h("button", { ...attributes, dataset: { tool: name } }, icon(name), more);
}

function told(name, title, ...content) {
  return h("button", { class: `button plain small ${name}`, type: "button", title }, content);
}

function heard(text) {
  return h("span", { class: "only-heard" }, text);
}

function bars() {
  return h("span", { class: "bars", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
}
