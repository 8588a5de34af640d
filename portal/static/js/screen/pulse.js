// Feels the pulse of a connection: round trips through the whole display path, bytes per second, a
// picture quality to match, and its death where nobody tells of it.

import { get } from "../api.js";
import { QualityLadder, STEPS } from "./quality.js";
import { RoundTrips } from "./round-trips.js";

const TICK_MS = 1_000;
const PROBED_EVERY_TICKS = 2;
const KEPT = "fx.screen.quality";

/** Dispatches `measured` after each round trip and each change of quality. */
export class Pulse extends EventTarget {
  #connection = null;
  #trips = null;
  #timer = 0;
  #ticks = 0;
  #counted = { bytes: 0, at: 0 };
  #ladder = new QualityLadder(readNumber(sessionStorage));

  /** The step that a person chose; `null`: it adapts. */
  chosen = readNumber(localStorage) ?? null;
  bytesPerSecond = 0;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => document.hidden || this.#doubt());
    addEventListener("online", () => this.#doubt());
    addEventListener("offline", () => this.#doubt());
  }

  /** Of one round trip, in milliseconds; `null` while it is not known. */
  get roundTripMs() {
    return this.#trips?.smooth ?? null;
  }

  get step() {
    return this.chosen ?? this.#ladder.step;
  }

  /** Levels for a connection that is about to open: its first picture has them already. */
  prepare(display) {
    const { quality, compression } = STEPS[this.step];
    display.qualityLevel = quality;
    display.compressionLevel = compression;
  }

  attach(connection) {
    this.detach();
    const now = performance.now();
    this.#connection = connection;
    this.#trips = new RoundTrips(now);
    this.#counted = { bytes: connection.bytes, at: now };
    connection.display.addEventListener("fence", ({ detail }) => this.#returned(detail));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#ticks = 0;
    this.#tick();
  }

  detach() {
    clearInterval(this.#timer);
    this.#connection = null;
    this.#trips = null;
  }

  /** @param {number|null} step of STEPS; `null` lets it adapt */
  choose(step) {
    this.chosen = step;
    if (step === null) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, step);
    this.#apply();
  }

  #tick() {
    const now = performance.now();
    this.#trips.heard(Math.max(this.#connection.heardAt, 0));
    if (this.#trips.isDead(now)) {
      this.#connection.close();
      return;
    }
    // A hidden page's timers are slowed down; it is asked when it is looked at again.
    if (!document.hidden && this.#ticks % PROBED_EVERY_TICKS === 0 && !this.#trips.waiting) this.#probe(now);
    this.#ticks += 1;
  }

  async #probe(now) {
    const { display } = this.#connection;
    const number = this.#trips.sent(now);
    if (display.answersProbes) {
      display.probe(number);
      return;
    }
    // A server without fences: the way to the portal is at least a part of the way.
    await get("/api/ping", { anonymous: true }).then(
      () => this.#returned(number),
      () => null,
    );
  }

  #returned(number) {
    const now = performance.now();
    const roundTripMs = this.#trips?.returned(number, now) ?? null;
    if (roundTripMs === null) return;
    this.#count(now);
    const observed = { now, roundTripMs, leastMs: this.#trips.least, bytesPerSecond: this.bytesPerSecond };
    if (this.#ladder.observe(observed)) this.#apply();
    else this.#tell();
  }

  #count(now) {
    const { bytes, at } = this.#counted;
    if (now > at) this.bytesPerSecond = (1000 * (this.#connection.bytes - bytes)) / (now - at);
    this.#counted = { bytes: this.#connection.bytes, at: now };
  }

  #apply() {
    sessionStorage.setItem(KEPT, this.#ladder.step);
    if (this.#connection) this.prepare(this.#connection.display);
    this.#tell();
  }

  #doubt() {
    if (!this.#trips) return;
    this.#trips.doubt(performance.now());
    this.#probe(performance.now());
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("measured"));
  }
}

function readNumber(storage) {
  const kept = Number.parseInt(storage.getItem(KEPT) ?? "", 10);
  return kept >= 0 && kept < STEPS.length ? kept : undefined;
}
