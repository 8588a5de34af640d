// Another name for a session.

import { patch, sessionPath } from "../api.js";
import { openDialog } from "../dialog.js";
import { freshId, h, setText } from "../dom.js";
import { nameOf } from "../steer.js";

export function openRename(session) {
  const id = freshId("name");
  const wrong = h("p", { class: "wrong", role: "alert" });
  const input = h("input", { class: "input", id, value: nameOf(session), maxlength: "120", required: true, autocomplete: "off" });
  const form = h("form", { id: freshId("rename") }, h("div", { class: "field" }, h("label", { for: id }, "Name"), input, wrong));
  const dialog = openDialog({
    title: "Rename session",
    body: form,
    foot: [
      h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { class: "button primary", type: "submit", form: form.id }, "Rename"),
    ],
    focus: input,
  });
  input.select();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(session, input.value.trim()).then(dialog.close, (problem) => setText(wrong, problem.errors?.[0]?.msg ?? problem.detail));
  });
}

async function save(session, name) {
  await patch(sessionPath(session.id), { name });
}
