// What lies over the screen whenever it cannot be used: what is going on, and what one can do.

import { fill, freshId, h, set, setText } from "../dom.js";
import { announce } from "../announce.js";
import { icon } from "../icons.js";

const SIGNS = {
  ended: "end",
  gone: "search",
  suspended: "pause",
  paused: "pause",
  disconnected: "link",
  revoked: "share",
  "signed-out": "person",
  naming: "share",
  offline: "globe",
  refused: "alert",
};

export class Overlay {
  #root;
  #actions;
  #shown = "";
  #said = "";
  #countdown = null;
  #retryAt = null;
  #timer = 0;

  /** @param {Record<string, {label: string, icon?: string, run: () => void, node?: () => Node}>} actions */
  constructor(root, actions) {
    this.#root = root;
    this.#actions = actions;
  }

  /** @param {object} view as view.js makes it */
  show(view) {
    const open = view.state !== "connected";
    this.#root.classList.toggle("open", open);
    this.#root.inert = !open;
    if (!open) this.#leave();
    else if (this.#keyOf(view) === this.#shown) this.#update(view);
    else this.#enter(view);
  }

  #leave() {
    clearInterval(this.#timer);
    this.#shown = "";
    this.#said = "";
  }

  // One wait that goes over into the next is changed in place: focus stays, and nothing jumps.
  #keyOf(view) {
    return [view.busy || view.state, view.tone, view.retryAt === undefined, view.actions].join();
  }

  #enter(view) {
    const before = this.#shown;
    this.#shown = this.#keyOf(view);
    const titleId = freshId("overlay");
    this.#countdown = h("p", { class: "countdown numbers" });
    const card = h(
      "section",
      { class: `overlay-card tone-${view.tone} ${view.busy ? "busy" : ""}`, "aria-labelledby": titleId },
      sign(view),
      h("h1", { id: titleId, tabindex: "-1" }, view.title),
      h("p", { class: "overlay-text" }, view.text),
      view.detail ? h("p", { class: "overlay-detail" }, view.detail) : null,
      view.busy ? bar() : null,
      view.retryAt === undefined ? null : this.#countdown,
      view.actions.length ? this.#foot(view) : null,
    );
    fill(this.#root, card);
    this.#update(view);
    this.#focus(card, view, before);
  }

  #update(view) {
    const card = this.#root.firstElementChild;
    setText(card.querySelector("h1"), view.title);
    setText(card.querySelector(".overlay-text"), view.text);
    this.#measure(card.querySelector(".progress"), view);
    this.#say(view);
    this.#retryAt = view.retryAt ?? null;
    clearInterval(this.#timer);
    if (this.#retryAt) this.#timer = setInterval(() => this.#count(), 250);
    this.#count();
  }

  #measure(bar, { progress, title }) {
    if (!bar) return;
    bar.hidden = progress === undefined;
    bar.firstElementChild.style.setProperty("width", `${100 * (progress ?? 0)}%`);
    set(bar, { "aria-valuenow": Math.round(100 * (progress ?? 0)), "aria-label": title });
  }

  // Each state is read out once, whatever counts on in it.
  #say({ state, title, text, tone }) {
    if (state === this.#said) return;
    this.#said = state;
    announce([title, text].filter(Boolean).join(". "), { urgent: tone === "bad" });
  }

  #count() {
    const seconds = this.#retryAt ? Math.ceil((this.#retryAt - Date.now()) / 1000) : 0;
    setText(this.#countdown, seconds > 0 ? `Next attempt in ${seconds} s` : "Trying now");
  }

  #foot({ actions, busy }) {
    const nodes = actions.map((name, index) => this.#button(name, index === 0 && !(busy && name === "home")));
    return h("div", { class: "overlay-foot" }, nodes);
  }

  #button(name, primary) {
    const action = this.#actions[name];
    if (action.node) return action.node();
    return h(
      "button",
      { class: `button ${primary ? "primary" : ""}`, type: "button", dataset: { action: name }, onclick: action.run },
      action.icon ? icon(action.icon) : null,
      action.label,
    );
  }

  // Whoever has to act is taken to it; whoever waits is left where they are.
  #focus(card, view, before) {
    const within = before !== "" && this.#root.contains(document.activeElement);
    if (view.busy && !within) return;
    const first = card.querySelector("input, .overlay-foot .button") ?? card.querySelector("h1");
    first.focus({ preventScroll: true });
  }
}

function sign(view) {
  if (view.busy) return h("div", { class: "spinner", "aria-hidden": "true" });
  const name = view.tone === "bad" ? "alert" : SIGNS[view.state] ?? "info";
  return h("div", { class: "overlay-sign", "aria-hidden": "true" }, icon(name, { size: 26 }));
}

function bar() {
  return h("div", { class: "progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, h("span"));
}
