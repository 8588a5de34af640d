// What can be launched, as tiles: favourites first; one press for the form, another for "as last time".

import { toast, toastProblem } from "../announce.js";
import { fill, h, keyed, setText } from "../dom.js";
import { icon } from "../icons.js";
import { changePreferences, preferences } from "../preferences.js";
import { banner } from "../shell.js";
import { appIcon, arranged } from "../templates.js";
import { launch, openForm, startWithLast } from "./form.js";
import { refusalWords } from "./refusals.js";

const SEARCHED_FROM = 7;

export class Launcher {
  #templates = null;
  #views = new Map();
  #open = null;

  /** @param {HTMLElement} place has .launch-search, .launch-tiles and .launch-none in it */
  constructor(place) {
    this.place = place;
    this.list = place.querySelector(".launch-tiles");
    this.none = place.querySelector(".launch-none");
    this.search = place.querySelector(".launch-search");
    this.input = this.search.querySelector("input");
    this.input.addEventListener("input", () => this.#draw());
    this.input.addEventListener("keydown", (event) => this.#searchKey(event));
  }

  show(templates) {
    this.#templates = templates;
    this.search.hidden = templates.length < SEARCHED_FROM;
    this.#draw();
  }

  fail(why) {
    fill(this.none, banner("warn", "What can be launched is not known at the moment.", why));
    this.none.hidden = false;
  }

  /** /#launch and /#launch=NAME, now and whenever the address changes. */
  followHash() {
    const follow = () => {
      const [what, name] = location.hash.slice(1).split("=");
      if (what !== "launch") return;
      if (name) this.openByName(decodeURIComponent(name));
      else this.focus();
      // The same link is to work a second time.
      if (!name) history.replaceState(null, "", location.pathname);
    };
    addEventListener("hashchange", follow);
    follow();
  }

  focus() {
    this.place.scrollIntoView({ block: "start" });
    const target = this.search.hidden ? this.list.querySelector("button") : this.input;
    target?.focus({ preventScroll: true });
  }

  openByName(name, last = preferences().last?.[name]) {
    const template = this.#templates?.find((one) => one.name === name);
    if (!template) return;
    this.#open?.close();
    // A page that is loaded again opens it again.
    history.replaceState(null, "", `#launch=${encodeURIComponent(name)}`);
    this.#open = openForm(template, last, {
      onclose: () => {
        if (this.#open?.element.isConnected) return; // another one has taken its place
        this.#open = null;
        if (location.hash.startsWith("#launch")) history.replaceState(null, "", location.pathname);
      },
    });
  }

  /** The form as it was for that session. */
  again(session) {
    const { geometry, dpi, params, command, name } = session;
    const last = preferences().last?.[session.template];
    const own = this.#templates?.find((one) => one.name === session.template);
    if (!own) return toastProblem({ detail: "What it was launched from is not offered any more." });
    const title = own.title || own.name;
    return this.openByName(session.template, {
      geometry: last?.geometry === "fit" ? "fit" : geometry,
      dpi,
      params,
      command: own.accepts_command !== false && command !== own.command ? command : null,
      name: name === title ? "" : name,
    });
  }

  #searchKey(event) {
    if (event.key === "Escape" && this.input.value) {
      this.input.value = "";
      this.#draw();
    } else if (event.key === "Enter") {
      this.list.querySelector(".tile-main")?.click();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.list.querySelector(".tile-main")?.focus();
    }
  }

  #draw() {
    const shownNow = arranged(this.#templates, preferences().favourites ?? [], this.input.value);
    keyed(
      this.list,
      shownNow,
      (template) => template.name,
      (template) => new Tile(template, this),
      this.#views,
    );
    this.none.hidden = shownNow.length > 0;
    if (!shownNow.length)
      setText(
        this.none,
        this.#templates.length
          ? "Nothing is called like this."
          : "Nothing can be launched yet. An administrator adds templates.",
      );
  }

  favour(name) {
    const change = (kept) => {
      const others = (kept.favourites ?? []).filter((one) => one !== name);
      kept.favourites = wanted ? [...others, name] : others;
    };
    const wanted = !(preferences().favourites ?? []).includes(name);
    changePreferences(change).catch((problem) => toastProblem(problem, "Not remembered."));
    this.#draw();
  }
}

class Tile {
  constructor(template, launcher) {
    this.template = template;
    this.launcher = launcher;
    const title = template.title || template.name;
    this.star = h(
      "button",
      {
        class: "button plain icon-only small star",
        type: "button",
        title: "Favourite",
        "aria-label": `${title}, favourite`,
        onclick: () => launcher.favour(template.name),
      },
      icon("star", { size: 16 }),
    );
    this.quick = h(
      "button",
      { class: "button plain icon-only small quick", type: "button", onclick: () => this.#quick() },
      icon("bolt", { size: 16 }),
    );
    this.main = h(
      "button",
      { class: "tile-main", type: "button", onclick: () => launcher.openByName(template.name) },
      appIcon(template, "large"),
      h(
        "span",
        { class: "tile-text" },
        h("strong", {}, title),
        h("span", { class: "tile-about" }, template.description ?? ""),
      ),
    );
    this.element = h(
      "li",
      { class: "tile panel", dataset: { template: template.name } },
      this.main,
      h("div", { class: "tile-buttons" }, this.star, this.quick),
    );
  }

  update() {
    const favoured = (preferences().favourites ?? []).includes(this.template.name);
    this.star.setAttribute("aria-pressed", String(favoured));
    const last = preferences().last?.[this.template.name];
    const label = last ? "Launch as last time" : "Launch at once";
    this.quick.title = label;
    this.quick.setAttribute("aria-label", `${label}: ${this.template.title || this.template.name}`);
  }

  // What must be given and was not yet is asked for.
  async #quick() {
    const last = preferences().last?.[this.template.name];
    const start = startWithLast(this.template, last);
    const missing =
      (this.template.requires_command && !start.command) ||
      this.template.params.some(
        (param) => param.required && param.default === null && start.params[param.name] === undefined,
      );
    if (missing) return this.launcher.openByName(this.template.name);
    this.quick.setAttribute("aria-busy", "true");
    this.quick.disabled = true;
    try {
      await launch(start);
    } catch (problem) {
      this.quick.disabled = false;
      this.quick.removeAttribute("aria-busy");
      if (problem.errors?.length) this.launcher.openByName(this.template.name);
      const { title, text } = refusalWords(problem);
      toast(`${title} ${text}`, { tone: "bad" });
    }
    return undefined;
  }
}
