// What can be done from the overlay, by the names that view.js uses.

import { goSignIn } from "../api.js";
import { toastProblem } from "../announce.js";
import { freshId, h } from "../dom.js";
import { lazily } from "./lazy.js";

/**
 * @param {{session: () => object, release: () => void, now: () => void, named: (name: string) => void,
 *   name: () => string}} page
 */
export function actionsOf(page) {
  return {
    home: { label: "All sessions", icon: "back", run: () => location.assign("/") },
    reconnect: { label: "Connect again", icon: "refresh", run: page.release },
    resume: { label: "Resume", icon: "play", run: page.release },
    now: { label: "Try now", icon: "refresh", run: page.now },
    signIn: { label: "Sign in", icon: "person", run: goSignIn },
    again: { label: "Launch again", icon: "plus", run: () => launchAgain(page.session()) },
    log: { label: "Log", icon: "log", run: () => showLog(page.session()) },
    name: { label: "", run: () => null, node: () => nameForm(page) },
  };
}

/** The same once more, at once; what the portal does not take as it is goes through the launcher. */
async function launchAgain({ template, command, geometry, dpi, params, name }) {
  const form = await lazily(() => import("../launch/form.js"));
  try {
    await form?.launch({ template, command, geometry, dpi, params, name });
  } catch (problem) {
    if (problem.status === 422) location.assign(`/#launch=${encodeURIComponent(template)}`);
    else toastProblem(problem, "It was not launched.");
  }
}

async function showLog(session) {
  const dialog = await lazily(() => import("../log/dialog.js"));
  dialog?.openLog(session);
}

function nameForm(page) {
  const id = freshId("guest");
  const input = h("input", { class: "input", id, name: "name", maxlength: "60", required: true, autocomplete: "name", value: page.name() });
  const submit = (event) => {
    event.preventDefault();
    const name = input.value.trim();
    if (name) page.named(name);
  };
  return h(
    "form",
    { class: "name-form", onsubmit: submit },
    h("div", { class: "field" }, h("label", { for: id }, "Your name"), input),
    h("button", { class: "button primary", type: "submit" }, "Show the screen"),
  );
}
