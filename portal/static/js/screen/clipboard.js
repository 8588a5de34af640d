// The clipboard, both ways, as far as the session's policy lets it and the browser does.
//
//     out   what is copied in the session is written to this computer's clipboard; a browser that
//           wants a press first gets it with the next one
//     in    a paste by keys hands over what is pasted, which no browser asks about, before the keys;
//           and where reading has been allowed, coming back to the page does
//
// Without any of that there is the panel (clipboard-panel.js).

/** The relay takes so much of one text, and ends the connection over more. */
const MOST_CHARACTERS = 256 * 1024;
/** A browser that has nothing to paste says nothing; then the keys go on alone. */
const PASTE_WITHIN_MS = 40;

/** What a policy allows a viewer. */
export function allowed(policy, mode) {
  const both = policy === undefined || policy === null || policy === "both";
  const steers = mode === "control";
  return { inward: steers && (both || policy === "in"), outward: steers && (both || policy === "out") };
}

/** Dispatches `text` when the session's clipboard has another text, `refused` when one is too long. */
export class Clipboard extends EventTarget {
  #display = null;
  #unwritten = null;

  inward = false;
  outward = false;
  /** The text that both sides are known to have, or the session's. */
  text = "";

  attach(display) {
    this.#display = display;
    display.addEventListener("clipboard", ({ detail }) => this.#fromSession(detail.text));
  }

  /** To be called when the page gets the focus, and by each press in it. */
  async synchronise() {
    if (this.#unwritten !== null) await this.#write(this.#unwritten);
    if (!this.inward || !(await readingAllowed())) return;
    try {
      this.send(await navigator.clipboard.readText());
    } catch {
      // Not text, or the focus is elsewhere again: there is nothing to take.
    }
  }

  /** Ask the browser to let this page read, which it may only be asked for by a press. */
  async askToRead() {
    this.send(await navigator.clipboard.readText());
  }

  /** Hand a text to the session. Returns whether it was. */
  send(text) {
    if (!this.inward || !text || text === this.text) return false;
    if (text.length > MOST_CHARACTERS) {
      this.dispatchEvent(new CustomEvent("refused", { detail: text.length }));
      return false;
    }
    this.text = text;
    this.#display.clipboardPasteFrom(text);
    return true;
  }

  /** A paste by keys is under way: hand over what is pasted, then send the keys on. */
  pasted(sendKeys) {
    const done = (event) => {
      document.removeEventListener("paste", done);
      clearTimeout(timer);
      event?.preventDefault();
      this.send(event?.clipboardData?.getData("text/plain") ?? "");
      sendKeys();
    };
    const timer = setTimeout(done, PASTE_WITHIN_MS);
    document.addEventListener("paste", done);
  }

  async #fromSession(text) {
    if (!this.outward) return;
    this.text = text;
    this.dispatchEvent(new CustomEvent("text", { detail: text }));
    await this.#write(text);
  }

  async #write(text) {
    this.#unwritten = null;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.#unwritten = text; // no focus, no press, or no permission: the next press tries again
    }
  }
}

/** Whether this page may read the clipboard without asking. */
export async function readingAllowed() {
  if (!navigator.clipboard?.readText || !document.hasFocus()) return false;
  try {
    return (await navigator.permissions.query({ name: "clipboard-read" })).state === "granted";
  } catch {
    return false; // a browser that does not know that permission asks each time
  }
}
