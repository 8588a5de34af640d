// A panel behind a button of the toolbar: the popover of the platform, beside its button.

import { fill, h } from "../dom.js";

/**
 * Make `button` open a panel; its content is made at each opening.
 * @param {() => Node[]} content
 * @returns {{refresh: () => void, open: boolean}} `refresh` makes the content anew if it is open
 */
export function attachPanel(button, label, content, onclose = () => {}) {
  let panel = null;
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");

  const open = () => {
    panel = h("div", { class: "menu panel-popup", popover: "auto", role: "dialog", "aria-label": label, tabindex: "-1" });
    fill(panel, content());
    const opened = panel;
    const replace = () => place(opened, button);
    addEventListener("resize", replace);
    opened.addEventListener("toggle", (event) => {
      if (event.newState !== "closed") return;
      button.setAttribute("aria-expanded", "false");
      if (opened.contains(document.activeElement)) button.focus();
      removeEventListener("resize", replace);
      opened.remove();
      if (panel === opened) panel = null;
      onclose();
    });
    button.after(opened);
    opened.showPopover();
    place(opened, button);
    button.setAttribute("aria-expanded", "true");
    (opened.querySelector("[data-first], textarea, button, input") ?? opened).focus();
  };

  button.addEventListener("click", open);
  return {
    get open() {
      return panel !== null;
    },
    refresh() {
      if (panel === null) return;
      const focused = panel.contains(document.activeElement);
      fill(panel, content());
      place(panel, button);
      if (focused && !panel.contains(document.activeElement)) panel.focus();
    },
  };
}

function place(panel, button) {
  const at = button.getBoundingClientRect();
  const bar = button.closest("[role=toolbar]").getBoundingClientRect();
  const { width, height } = panel.getBoundingClientRect();
  const below = bar.bottom + 4;
  const fits = below + height <= innerHeight - 8;
  panel.style.left = `${Math.max(8, Math.min(at.left + at.width / 2 - width / 2, innerWidth - width - 8))}px`;
  panel.style.top = `${Math.max(8, fits ? below : bar.top - height - 4)}px`;
}
