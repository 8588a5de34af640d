// Menus behind a button: the popover of the platform, with the keys that menus have.

import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Make `button` open a menu. Its items are asked for at each opening.
 * @param {() => ({label: string, icon?: string, danger?: boolean, checked?: boolean, href?: string,
 *   run?: () => void} | "line" | Node)[]} items
 */
export function attachMenu(button, items, label) {
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  // A press on the button of an open menu closes it, as a press anywhere else does, and no more.
  let open = false;
  button.addEventListener("pointerdown", () => {
    open = button.getAttribute("aria-expanded") === "true";
  });
  button.addEventListener("click", () => {
    if (!open) openMenu(button, items(), label);
    open = false;
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    openMenu(button, items(), label);
  });
}

function openMenu(button, items, label) {
  const menu = h("div", { class: "menu", popover: "auto", role: "menu", "aria-label": label });
  menu.append(...items.map((item) => itemNode(item, menu)));
  menu.addEventListener("keydown", moveByKeys);
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    button.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement) || document.activeElement === document.body) button.focus();
    menu.remove();
  });
  // Beside its button: within a modal dialog everything else is out of reach.
  button.after(menu);
  menu.showPopover();
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  menu.querySelector("[role^=menuitem]")?.focus();
}

function itemNode(item, menu) {
  if (item === "line") return h("div", { class: "menu-line", role: "separator" });
  if (item instanceof Node) return item;
  const attributes = {
    class: `menu-item ${item.danger ? "danger" : ""}`,
    role: item.checked === undefined ? "menuitem" : "menuitemradio",
    "aria-checked": item.checked === undefined ? null : String(item.checked),
    tabindex: "-1",
  };
  const inside = [item.icon ? icon(item.icon) : null, h("span", {}, item.label)];
  if (item.href) return h("a", { ...attributes, href: item.href }, inside);
  const run = () => {
    menu.hidePopover();
    item.run();
  };
  return h("button", { ...attributes, type: "button", onclick: run }, inside);
}

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const left = at.right - width > 8 ? at.right - width : at.left;
  const below = at.bottom + 4;
  const top = below + height > innerHeight - 8 && at.top - height - 4 > 8 ? at.top - height - 4 : below;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${top}px`;
}

function moveByKeys(event) {
  const entries = [...event.currentTarget.querySelectorAll("[role^=menuitem]")];
  const at = entries.indexOf(document.activeElement);
  const to = {
    ArrowDown: (at + 1) % entries.length,
    ArrowUp: (at - 1 + entries.length) % entries.length,
    Home: 0,
    End: entries.length - 1,
  }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    entries[to].focus();
  } else if (event.key === "Tab") {
    event.currentTarget.hidePopover();
  } else if (event.key.length === 1 && /\S/u.test(event.key)) {
    entries
      .find((entry) => entry.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()))
      ?.focus();
  }
}
