// What is said at the edge of the page, and to screen readers.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 6000;
const SHOWN_WITH_ACTION_MS = 12000;

let polite = null;
let assertive = null;
let stack = null;

// While a dialog is open everything outside of it is out of reach, also for screen readers.
function settle() {
  const dialogs = document.querySelectorAll("dialog:modal");
  const host = dialogs[dialogs.length - 1] ?? document.body;
  if (polite.parentElement === host) return;
  host.append(polite, assertive, stack);
  if (host !== document.body) host.addEventListener("close", comeBack, { once: true });
}

function comeBack() {
  document.body.append(polite, assertive, stack);
  if (stack.childElementCount) stack.showPopover();
}

function regions() {
  if (polite) {
    settle();
    return;
  }
  polite = h("div", { class: "only-heard", role: "status", "aria-live": "polite" });
  assertive = h("div", { class: "only-heard", role: "alert", "aria-live": "assertive" });
  // A popover lies above open dialogs, which a z-index cannot.
  stack = h("div", { class: "toasts", popover: "manual", role: "region", "aria-label": "Notices" });
  settle();
}

/** Say something to screen readers alone. */
export function announce(text, { urgent = false } = {}) {
  regions();
  const region = urgent ? assertive : polite;
  region.textContent = "";
  // The same text twice is only heard twice if the region was empty in between.
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

/**
 * A notice that goes away by itself, unless it is pointed at or has the focus.
 * @param {{tone?: "good"|"bad"|"warn"|"neutral", action?: {label: string, run: () => void}}} options
 */
export function toast(text, { tone = "neutral", action = null } = {}) {
  regions();
  const symbol = { good: "check", bad: "alert", warn: "alert", neutral: "info" }[tone];
  const close = () => {
    element.remove();
    if (!stack.childElementCount && stack.matches(":popover-open")) stack.hidePopover();
  };
  const element = h(
    "div",
    { class: `toast tone-${tone}` },
    icon(symbol),
    h("p", {}, text),
    action &&
      h(
        "button",
        {
          class: "button small",
          type: "button",
          onclick: () => {
            close();
            action.run();
          },
        },
        action.label,
      ),
    h(
      "button",
      { class: "button plain icon-only small", type: "button", "aria-label": "Dismiss", onclick: close },
      icon("close"),
    ),
  );
  stack.append(element);
  if (stack.matches(":popover-open")) stack.hidePopover();
  stack.showPopover();
  announce(text, { urgent: tone === "bad" });
  fade(element, close, action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
  return close;
}

function fade(element, close, shownMs) {
  let timer = setTimeout(close, shownMs);
  const hold = () => clearTimeout(timer);
  const go = () => {
    clearTimeout(timer);
    timer = setTimeout(close, shownMs);
  };
  element.addEventListener("pointerenter", hold);
  element.addEventListener("focusin", hold);
  element.addEventListener("pointerleave", go);
  element.addEventListener("focusout", go);
}

/** A call that failed, said in a sentence. */
export function toastProblem(problem, what = "") {
  return toast(what ? `${what} ${problem.detail ?? problem.message}` : (problem.detail ?? problem.message), {
    tone: "bad",
  });
}
