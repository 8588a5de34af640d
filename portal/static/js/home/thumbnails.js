// Pictures of screens: only of what is in sight, and only when they changed.

import { answer, sessionPath } from "../api.js";

const EVERY_MS = 10000;
const NOT_YET_MS = 2000;
// A screen that has just begun is empty, and fills within seconds.
const YOUNG_MS = 25000;
const TICK_MS = 1000;
const AT_ONCE = 2;
const WIDTHS = [320, 480, 640, 960];

/** What there is to fetch: nothing, the screen as it changes, or its last picture, once. */
export const NOTHING = "nothing";
export const LIVE = "live";
export const LAST = "last";

/** Fetches pictures for the elements that are watched, a few at a time, while the page is seen. */
export class Thumbnails {
  #entries = new Map();
  #busy = 0;
  #observer = new IntersectionObserver((seen) => this.#sight(seen), { rootMargin: "120px" });

  constructor() {
    setInterval(() => this.#next(), TICK_MS);
    document.addEventListener("visibilitychange", () => this.#next());
  }

  /** @param {(url: string) => void} show is given an object URL whenever there is another picture */
  watch(id, element, show) {
    this.#entries.set(element, {
      id,
      element,
      show,
      due: 0,
      tag: null,
      url: null,
      inSight: false,
      wanted: NOTHING,
      busy: false,
      youngUntil: 0,
    });
    this.#observer.observe(element);
  }

  /** @param {string} wanted one of the above; asked for at once when it becomes another */
  want(element, wanted, { young = false } = {}) {
    const entry = this.#entries.get(element);
    if (!entry || entry.wanted === wanted) return;
    entry.wanted = wanted;
    entry.due = 0;
    entry.youngUntil = young ? Date.now() + YOUNG_MS : 0;
    this.#next();
  }

  forget(element) {
    const entry = this.#entries.get(element);
    if (entry?.url) URL.revokeObjectURL(entry.url);
    this.#observer.unobserve(element);
    this.#entries.delete(element);
  }

  #sight(seen) {
    for (const { target, isIntersecting } of seen) {
      const entry = this.#entries.get(target);
      if (entry) entry.inSight = isIntersecting;
    }
    this.#next();
  }

  #next() {
    if (document.hidden) return;
    const now = Date.now();
    for (const entry of this.#entries.values()) {
      if (this.#busy >= AT_ONCE) return;
      if (entry.inSight && entry.wanted !== NOTHING && !entry.busy && entry.due <= now) this.#fetch(entry);
    }
  }

  async #fetch(entry) {
    this.#busy += 1;
    entry.busy = true;
    const { wanted } = entry;
    let due = Date.now() + EVERY_MS;
    try {
      due = dueAgain(entry, await this.#picture(entry));
    } catch {
      // Tried again when it would have been anyway.
    } finally {
      // What is wanted by now may be another one.
      if (entry.wanted === wanted) entry.due = due;
      entry.busy = false;
      this.#busy -= 1;
      this.#next();
    }
  }

  async #picture(entry) {
    const headers = { Accept: "image/png", ...(entry.tag ? { "If-None-Match": entry.tag } : {}) };
    const path = `${sessionPath(entry.id, "thumbnail")}?width=${widthFor(entry.element)}`;
    let response;
    try {
      response = await answer("GET", path, { headers });
    } catch (problem) {
      if (problem.status === 409) return false;
      throw problem;
    }
    if (response.status === 304) return true;
    const url = URL.createObjectURL(await response.blob());
    if (!this.#entries.has(entry.element)) {
      URL.revokeObjectURL(url);
      return true;
    }
    const before = entry.url;
    entry.url = url;
    entry.tag = response.headers.get("ETag");
    entry.show(url);
    if (before) URL.revokeObjectURL(before);
    return true;
  }
}

function dueAgain({ wanted, youngUntil }, there) {
  if (wanted === LAST) return Infinity;
  return Date.now() + (there && Date.now() > youngUntil ? EVERY_MS : NOT_YET_MS);
}

// Few widths, so that cards of about the same size share the portal's picture.
function widthFor(element) {
  const pixels = element.clientWidth * Math.min(devicePixelRatio, 2);
  return WIDTHS.find((width) => width >= pixels) ?? WIDTHS[WIDTHS.length - 1];
}
