// The clipboard by hand: for browsers that let no page at theirs, and to see what the session has.

import { freshId, h } from "../dom.js";
import { announce, toast } from "../announce.js";
import { icon } from "../icons.js";
import { attachPanel } from "./panel.js";

/** @param {import("./clipboard.js").Clipboard} clipboard */
export function attachClipboard(button, clipboard) {
  const panel = attachPanel(button, "Clipboard of the session", () => content(clipboard));
  clipboard.addEventListener("text", () => panel.refresh());
  clipboard.addEventListener("refused", () => {
    toast("This text is too long for the session's clipboard. Take a part of it, or a file.", { tone: "warn" });
  });
}

function content(clipboard) {
  const id = freshId("clipboard");
  const field = h("textarea", {
    class: "input code clipboard-text",
    id,
    rows: "6",
    spellcheck: "false",
    readonly: !clipboard.inward,
    placeholder: clipboard.inward ? "Paste or type a text here" : "Nothing has been copied in the session yet",
  });
  field.value = clipboard.text;
  const say = (text) => {
    announce(text);
    status.textContent = text;
  };
  const status = h("span", { class: "panel-status" });
  return [
    h("label", { class: "panel-title", for: id }, "Clipboard"),
    h("p", { class: "panel-note" }, wayWords(clipboard)),
    field,
    h(
      "div",
      { class: "panel-foot" },
      status,
      clipboard.outward && button(() => copy(field, say), icon("copy", { size: 15 }), "Copy"),
      clipboard.inward && navigator.clipboard?.readText && button(() => take(clipboard, field, say), "Paste"),
      clipboard.inward && h("button", { class: "button small primary", type: "button", onclick: () => hand(clipboard, field, say) }, "Send to session"),
    ),
  ];
}

function button(onclick, ...content) {
  return h("button", { class: "button small", type: "button", onclick }, content);
}

function wayWords({ inward, outward }) {
  if (inward && outward) return "What is copied here or in the session can be pasted on the other side.";
  if (inward) return "Texts may be brought into this session, and not out of it.";
  return "Texts may be taken out of this session, and not brought into it.";
}

async function copy(field, say) {
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Without a secure connection there is no clipboard for pages but this old way.
    field.select();
    document.execCommand("copy");
  }
  say("Copied to this computer");
}

async function take(clipboard, field, say) {
  try {
    await clipboard.askToRead();
    field.value = clipboard.text;
    say("Sent to the session");
  } catch {
    say("The browser does not allow it: paste it here");
    field.focus();
  }
}

function hand(clipboard, field, say) {
  const sent = clipboard.send(field.value);
  say(sent || field.value === clipboard.text ? "Sent to the session" : "There is nothing to send");
}
