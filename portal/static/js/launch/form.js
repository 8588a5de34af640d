// The dialog in which one says how a template is to be launched.

import { post } from "../api.js";
import { openDialog } from "../dialog.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { changePreferences } from "../preferences.js";
import { markPressed } from "../screen/marks.js";
import { appIcon } from "../templates.js";
import { banner } from "../shell.js";
import { dpiField, geometryField } from "./display-fields.js";
import { draftOf, dropDraft, keepDraft } from "./draft.js";
import { fieldFor, framed } from "./fields.js";
import { refusalWords } from "./refusals.js";
import { fieldOf, fitting, remembered, rulesSentence, sentence, stillValid } from "./values.js";

const LONGEST_NAME = 120;
const LONGEST_COMMAND = 4096;

/** A start of this template with what was chosen last, or with what the template says. */
export function startWithLast(template, last) {
  const geometry = last?.geometry ?? "fit";
  return {
    template: template.name,
    geometry: geometry === "fit" ? fitting(innerWidth, innerHeight) : geometry,
    dpi: last?.dpi ?? template.dpi ?? 96,
    params: stillValid(template.params, last?.params),
    ...(last?.command && template.accepts_command !== false ? { command: last.command } : {}),
  };
}

/** Start it, and go to its screen. Raises Problem. `accepted` is done in between, once it has begun. */
export async function launch(start, accepted = async () => {}) {
  const pressed = Date.now();
  const session = await post("/api/sessions", start, { headers: { "Idempotency-Key": keyFor(start) } });
  markPressed(session.id, pressed);
  dropDraft();
  await accepted();
  location.assign(`/sessions/${session.id}`);
  return session;
}

// A start that is tried again because its answer was lost is the same start, and starts nothing twice.
const lost = { start: "", key: "" };

function keyFor(start) {
  const text = JSON.stringify(start);
  if (lost.start !== text) Object.assign(lost, { start: text, key: freshKey() });
  return lost.key;
}

function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/**
 * @param {object} template
 * @param {{geometry?: string, dpi?: number, params?: object, command?: string|null}} last
 */
export function openForm(template, last, { onclose } = {}) {
  const fields = makeFields(template, draftOf(template.name) ?? last);
  const trouble = h("div", { class: "form-trouble", role: "alert" });
  const button = h(
    "button",
    { class: "button primary", type: "submit", form: "launch-form" },
    icon("play", { size: 16 }),
    "Launch",
  );
  const form = h(
    "form",
    { id: "launch-form", class: "launch-form", novalidate: true },
    trouble,
    arranged(template, fields),
  );
  const dialog = openDialog({
    title: template.title || template.name,
    about: template.description,
    body: form,
    foot: [h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), button],
    size: "form",
    onclose: () => {
      dropDraft();
      onclose?.();
    },
  });
  dialog.element.querySelector(".dialog-head").prepend(appIcon(template, "large"));
  form.addEventListener("input", () => keepDraft(template.name, filledIn(template, fields)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(template, fields, { trouble, button });
  });
  return dialog;
}

function makeFields(template, last) {
  const values = stillValid(template.params, last?.params);
  const fields = new Map();
  if (template.accepts_command ?? true) fields.set("command", commandField(template, last?.command));
  for (const param of template.params) {
    fields.set(`params.${param.name}`, fieldFor(param, values[param.name] ?? param.default ?? undefined));
  }
  fields.set("geometry", geometryField(template, last?.geometry ?? "fit"));
  fields.set("dpi", dpiField(template, last?.dpi ?? template.dpi ?? 96));
  fields.set(
    "name",
    lineField(
      "Name",
      "What this session is called; you can change it later.",
      last?.name ?? "",
      LONGEST_NAME,
      template.title || template.name,
    ),
  );
  return fields;
}

function lineField(label, help, value, maxlength, placeholder, look = "", optional = true) {
  const control = h("input", {
    class: `input ${look}`,
    value,
    maxlength,
    placeholder,
    autocomplete: "off",
    spellcheck: "false",
  });
  const frame = framed({ label, help, optional, control });
  return { ...frame, read: () => ({ value: control.value.trim() || undefined, wrong: "" }), check: () => "" };
}

function commandField({ command, requires_command: required = false }, last) {
  const help = required
    ? "The program to run, with its arguments."
    : `The program to run, with its arguments${command ? `; ${command} unless you say` : ""}.`;
  const field = lineField("Command", help, last ?? "", LONGEST_COMMAND, command ?? "", "code", !required);
  const read = () => {
    const { value } = field.read();
    return { value, wrong: required && !value ? "What is to be run?" : "" };
  };
  return { ...field, read, check: () => complained(field, read) };
}

function complained(field, read) {
  const { wrong } = read();
  field.complain(wrong);
  return wrong;
}

function arranged(template, fields) {
  const element = (name) => fields.get(name)?.element ?? null;
  const params = template.params.map((param) => element(`params.${param.name}`));
  return [
    params.length || fields.has("command")
      ? h("div", { class: "form-group" }, element("command"), params)
      : null,
    h("div", { class: "form-group" }, element("geometry"), element("dpi")),
    h("div", { class: "form-group" }, element("name"), rulesNote(template)),
  ];
}

function rulesNote(template) {
  const text = rulesSentence(template.session);
  return text ? h("p", { class: "rules quiet small" }, icon("clock", { size: 16 }), text) : null;
}

async function submit(template, fields, { trouble, button }) {
  trouble.replaceChildren();
  const wrong = [...fields.values()].filter((field) => field.check());
  if (wrong.length) return wrong[0].focus();
  const start = startOf(template, fields);
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    // Of what was refused nothing is remembered.
    await launch(start, () => keep(template, fields));
  } catch (problem) {
    if (problem.status) lost.start = ""; // it was answered: the next one is another
    button.disabled = false;
    button.removeAttribute("aria-busy");
    complain(problem, fields, trouble);
  }
  return undefined;
}

function startOf(template, fields) {
  const start = { template: template.name, params: {} };
  for (const [name, field] of fields) {
    const { value } = field.read();
    if (value === undefined) continue;
    if (name.startsWith("params.")) start.params[name.slice("params.".length)] = value;
    else start[name] = value;
  }
  return start;
}

function filledIn(template, fields) {
  const { dpi, params, command, name } = startOf(template, fields);
  return { ...remembered({ geometryChoice: fields.get("geometry").choice(), dpi, params, command }), name };
}

// Not worth failing a launch for.
async function keep(template, fields) {
  const { name, ...kept } = filledIn(template, fields);
  await changePreferences((preferences) => {
    preferences.last = { ...preferences.last, [template.name]: kept };
  }).catch(() => null);
}

// What the server refuses stands at its field; what belongs to none stands above.
function complain(problem, fields, trouble) {
  const rest = [];
  let first = null;
  for (const { loc, msg } of problem.errors ?? []) {
    const field = fields.get(fieldOf(loc));
    if (!field) {
      rest.push(sentence(msg));
      continue;
    }
    field.complain(sentence(msg));
    first ??= field;
  }
  if (first) first.focus();
  if (!rest.length && first) return;
  const { title, text } = refusalWords(problem);
  fill(trouble, banner("bad", title, rest.join(" ") || text));
}
