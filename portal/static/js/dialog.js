// Dialogs: the browser's own <dialog>, which keeps the focus inside and gives it back.

import { fill, freshId, h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Open a dialog. Escape, the close button, and a press beside it close it.
 * @param {{title: string, about?: string, body: Node|Node[], foot?: Node[], size?: "wide"|"full"|"",
 *   onclose?: () => void, focus?: HTMLElement}} options
 * @returns {{element: HTMLDialogElement, close: () => void, closed: Promise<void>}}
 */
export function openDialog({ title, about = "", body, foot = [], size = "", onclose = null, focus = null }) {
  const before = document.activeElement;
  const titleId = freshId("dialog");
  const dialog = h("dialog", { class: `dialog ${size}`, "aria-labelledby": titleId });
  const close = () => dialog.close();
  fill(
    dialog,
    h(
      "div",
      { class: "dialog-head" },
      h("div", {}, h("h2", { id: titleId, tabindex: "-1" }, title), about && h("p", {}, about)),
      h(
        "button",
        { class: "button plain icon-only", type: "button", "aria-label": "Close", onclick: close },
        icon("close"),
      ),
    ),
    h("div", { class: "dialog-body" }, body),
    foot.length ? h("div", { class: "dialog-foot" }, foot) : null,
  );
  closeByPressBeside(dialog);
  const closed = new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus({ preventScroll: true });
      onclose?.();
      resolve();
    });
  });
  document.body.append(dialog);
  dialog.showModal();
  (focus ?? dialog.querySelector(`#${titleId}`)).focus();
  return { element: dialog, close, closed };
}

// Both ends of the press have to be beside it: selecting text out of the dialog must not close it.
function closeByPressBeside(dialog) {
  let began = false;
  dialog.addEventListener("pointerdown", (event) => {
    began = event.target === dialog;
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && began) dialog.close();
  });
}

/**
 * Ask before something that cannot be taken back. The cancelling button has the focus.
 * @returns {Promise<boolean>}
 */
export async function confirmDialog({ title, text, confirm, danger = true, cancel = "Cancel" }) {
  let agreed = false;
  const no = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, cancel);
  const yes = h(
    "button",
    {
      class: `button ${danger ? "danger" : "primary"}`,
      type: "button",
      onclick: () => {
        agreed = true;
        dialog.close();
      },
    },
    confirm,
  );
  const dialog = openDialog({ title, body: h("p", { class: "quiet" }, text), foot: [no, yes], focus: no });
  dialog.element.setAttribute("role", "alertdialog");
  await dialog.closed;
  return agreed;
}
