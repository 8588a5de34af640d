// Keys that a browser or a system keeps for itself, and modifiers to hold.

import { h } from "../dom.js";
import { LEAVE_CHORD } from "./leave-chord.js";
import { ARROWS, CHORDS, FUNCTION_KEYS, MODIFIERS } from "./keysyms.js";
import { attachPanel } from "./panel.js";

const SHOWN = { Control: "Ctrl", Alt: "Alt", Shift: "Shift", Super: "Super" };

/** @param {import("./keyboard.js").Keyboard} keyboard */
export function attachKeys(button, keyboard) {
  const panel = attachPanel(button, "Keys for the session", () => [
    group("Hold down", MODIFIERS.map((name) => holding(keyboard, name))),
    group("Send", CHORDS.map(({ label, keys, size }) => key(label, () => keyboard.press(keys), size))),
    group("Function keys", FUNCTION_KEYS.map((entry) => key(entry[1], () => keyboard.press([entry]), "narrow"))),
    group("Arrows", ARROWS.map((arrow) => key(arrow.sign, () => keyboard.press([arrow.key]), "narrow", arrow.label))),
    h(
      "p",
      { class: "panel-note" },
      "Keys belong to the session while the screen has the focus. ",
      h("kbd", {}, LEAVE_CHORD),
      " brings you to this toolbar, ",
      h("kbd", {}, "Esc"),
      " back.",
    ),
  ]);
  keyboard.addEventListener("modifiers", () => {
    const names = MODIFIERS.filter((name) => keyboard.held.has(name)).map((name) => SHOWN[name]);
    button.querySelector(".held").textContent = names.join(" ");
    for (const pressed of button.parentElement.querySelectorAll("[data-holds]")) {
      pressed.setAttribute("aria-pressed", String(keyboard.held.has(pressed.dataset.holds)));
    }
  });
  return panel;
}

function group(label, buttons) {
  return h("div", { class: "key-group", role: "group", "aria-label": label }, h("h2", {}, label), h("div", { class: "keys" }, buttons));
}

function key(text, run, size = "", label = null) {
  return h("button", { class: `key ${size}`, type: "button", "aria-label": label, onclick: run }, text);
}

function holding(keyboard, name) {
  const button = key(SHOWN[name], () => keyboard.toggle(name));
  button.dataset.holds = name;
  button.setAttribute("aria-pressed", String(keyboard.held.has(name)));
  return button;
}
