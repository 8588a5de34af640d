// The portal's event stream: what there is, then what changes. It comes back by itself.

import { get, goSignIn } from "./api.js";

const KINDS = ["upstream", "reset", "update", "delete", "synced", "node", "shares"];
const FIRST_RETRY_MS = 1000;
const MOST_RETRY_MS = 30000;
// A browser opens six connections to one place: hidden pages leave theirs to the visible ones.
const HIDDEN_FOR_MS = 30000;
const TICK_MS = 10000;
const SLEPT_MS = 40000;

/**
 * Dispatches what the stream tells as CustomEvents of its names (`detail` is the data), and `state`
 * (`detail`: "connecting", "live", "lost") when the connection itself changes. Each new connection
 * tells everything anew: it begins with `reset`, also where the stream did not say so.
 */
export class Feed extends EventTarget {
  #source = null;
  #timer = 0;
  #retryMs = FIRST_RETRY_MS;
  #lastTick = Date.now();
  #hiding = 0;

  constructor(scope = "mine") {
    super();
    this.path = `/api/events?scope=${scope}`;
    this.state = "connecting";
  }

  start() {
    this.#open();
    document.addEventListener("visibilitychange", () => this.#visibility());
    addEventListener("online", () => this.#reopen());
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.#reopen());
    setInterval(() => this.#tick(), TICK_MS);
  }

  #open() {
    this.#close();
    const source = new EventSource(this.path);
    this.#source = source;
    source.onopen = () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.#tell("reset", {});
      this.#become("live");
    };
    source.onerror = () => this.#lost(source);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => this.#tell(kind, JSON.parse(event.data || "{}")));
    }
    source.addEventListener("signed_out", goSignIn);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #reopen() {
    this.#retryMs = FIRST_RETRY_MS;
    this.#open();
  }

  // EventSource itself gives up for good at any status but 200, so coming back is done here.
  #lost(source) {
    if (source !== this.#source) return;
    this.#close();
    this.#become("lost");
    const wait = this.#retryMs * (0.7 + 0.6 * Math.random());
    this.#retryMs = Math.min(this.#retryMs * 2, MOST_RETRY_MS);
    this.#timer = setTimeout(() => this.#comeBack(), wait);
  }

  async #comeBack() {
    // Whoever is not signed in any more is sent to do so by this call.
    await get("/api/me").catch(() => null);
    if (document.hidden) return;
    this.#open();
  }

  #visibility() {
    clearTimeout(this.#hiding);
    if (document.hidden) {
      this.#hiding = setTimeout(() => this.#close(), HIDDEN_FOR_MS);
    } else if (this.#source === null) {
      this.#reopen();
    }
  }

  // A machine that slept has a connection that only seems to be there.
  #tick() {
    const now = Date.now();
    if (now - this.#lastTick > SLEPT_MS && !document.hidden) this.#reopen();
    this.#lastTick = now;
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.#tell("state", state);
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
