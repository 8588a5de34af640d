// A name is changed where it stands: Enter keeps it, Escape does not.

import { patch, sessionPath } from "../api.js";
import { announce, toast } from "../announce.js";
import { h } from "../dom.js";
import { nameOf } from "../steer.js";

const LONGEST = 120;

/**
 * Put an input in the place of `heading` until the new name is kept or given up.
 * @param {HTMLElement} back gets the focus afterwards
 */
export function renameInPlace(session, heading, back) {
  if (heading.hidden) return;
  const input = h("input", {
    class: "input name-input",
    value: nameOf(session),
    maxlength: LONGEST,
    "aria-label": `Name of ${nameOf(session)}`,
    autocomplete: "off",
    spellcheck: "false",
  });
  let over = false;
  const finish = async (keep) => {
    if (over) return;
    over = true;
    const name = input.value.trim();
    const hadFocus = document.activeElement === input;
    input.remove();
    heading.hidden = false;
    if (hadFocus) back.focus();
    if (keep && name && name !== nameOf(session)) await kept(session, name, heading);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault(); // the button that gets the focus is not to be pressed by the same key
    finish(event.key === "Enter");
  });
  input.addEventListener("blur", () => finish(true));
  heading.hidden = true;
  heading.after(input);
  input.focus();
  input.select();
}

async function kept(session, name, heading) {
  const link = heading.querySelector("a") ?? heading;
  const before = link.textContent;
  link.textContent = name;
  try {
    await patch(sessionPath(session.id), { name });
    announce(`Renamed to ${name}`);
  } catch (problem) {
    link.textContent = before;
    toast(problem.errors?.[0] ? `This name ${problem.errors[0].msg}.` : problem.detail, { tone: "bad" });
  }
}
