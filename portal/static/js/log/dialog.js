// What a session's programs print: followed as it comes, wrapped or not, to be saved.

import { answer, sessionPath } from "../api.js";
import { openDialog } from "../dialog.js";
import { h, setText } from "../dom.js";
import { plural } from "../format.js";
import { icon } from "../icons.js";
import { nameOf } from "../steer.js";
import { LineBuffer } from "./lines.js";

const TAILS = [200, 1000, 10000];
const TAIL = 1000;
const MOST_LINES = 10000;
const NEAR_END_PIXELS = 40;

export function openLog(session) {
  const log = new LogView(session);
  const dialog = openDialog({
    title: `Log of “${nameOf(session)}”`,
    body: log.body,
    foot: log.foot,
    size: "full",
    onclose: () => log.stop(),
  });
  dialog.element.classList.add("log-dialog");
  log.start(session.phase !== "ended");
  return dialog;
}

class LogView {
  #lines = 0;
  #controller = new AbortController();
  #sticks = true;

  constructor(session) {
    this.session = session;
    this.text = h("pre", {
      class: "log-text",
      tabindex: "0",
      role: "log",
      "aria-live": "off",
      "aria-label": "What its programs printed",
    });
    this.status = h("p", { class: "log-status quiet small grow", role: "status" });
    const wrap = h("input", {
      type: "checkbox",
      role: "switch",
      checked: true,
      onchange: () => this.text.classList.toggle("unwrapped", !wrap.checked),
    });
    this.follow = h("input", {
      type: "checkbox",
      role: "switch",
      checked: true,
      onchange: () => this.#stick(this.follow.checked),
    });
    this.text.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.tail = h(
      "select",
      {
        class: "select small",
        "aria-label": "How much of what was printed before",
        onchange: () => this.#again(),
      },
      TAILS.map((lines) =>
        h("option", { value: String(lines), selected: lines === TAIL }, `Last ${lines} lines`),
      ),
    );
    this.body = this.text;
    this.foot = [
      this.status,
      this.tail,
      h("label", { class: "switch small" }, wrap, "Wrap"),
      h("label", { class: "switch small" }, this.follow, "Follow"),
      h(
        "a",
        {
          class: "button small",
          href: sessionPath(session.id, "log"),
          download: `${session.template}-${session.id}.log`,
        },
        icon("download", { size: 16 }),
        "Download",
      ),
    ];
  }

  async start(follows) {
    this.follows = follows;
    setText(this.status, "Loading …");
    try {
      await this.#read(follows);
      setText(
        this.status,
        this.#lines ? `${plural(this.#lines, "line")}; no more will come.` : "It printed nothing.",
      );
    } catch (problem) {
      if (problem.name === "AbortError") return;
      setText(this.status, problem.detail ?? "The log broke off. Open it again to go on.");
    }
  }

  async #read(follows) {
    const path = `${sessionPath(this.session.id, "log")}?tail=${this.tail.value}${follows ? "&follow=true" : ""}`;
    const response = await answer("GET", path, {
      headers: { Accept: "text/plain" },
      signal: this.#controller.signal,
    });
    if (follows) setText(this.status, "Following; what comes appears here.");
    const buffer = new LineBuffer();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      this.#append(done ? buffer.end() : buffer.push(value));
      if (done) return;
    }
  }

  #append(lines) {
    if (!lines.length) return;
    this.#lines += lines.length;
    const part = document.createDocumentFragment();
    for (const line of lines.slice(-MOST_LINES)) part.append(h("span", {}, `${line}\n`));
    this.text.append(part);
    while (this.text.childElementCount > MOST_LINES) this.text.firstElementChild.remove();
    if (this.#sticks) this.text.scrollTop = this.text.scrollHeight;
  }

  // Whoever scrolls up wants to read; whoever comes back to the end wants to follow.
  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.text;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PIXELS;
    this.#sticks = atEnd;
    this.follow.checked = atEnd;
  }

  #stick(sticks) {
    this.#sticks = sticks;
    if (sticks) this.text.scrollTop = this.text.scrollHeight;
  }

  #again() {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.#lines = 0;
    this.text.replaceChildren();
    this.#stick(true);
    this.start(this.follows);
  }

  stop() {
    this.#controller.abort();
  }
}
