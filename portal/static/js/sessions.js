// The sessions there are, as the event stream tells them. Pure: no page, no network.

/**
 * Keeps what is known while a new telling goes on: only when it is complete (`synced`) does what was
 * not told again go. So a lost connection, or a supervisor that is away, empties nobody's page.
 */
export class SessionBook {
  #sessions = new Map();
  #untold = new Set();
  synced = false;

  /** Everything is about to be told anew. */
  reset() {
    this.#untold = new Set(this.#sessions.keys());
  }

  /** @returns {object|null} what it was before */
  update(session) {
    const before = this.#sessions.get(session.id) ?? null;
    this.#untold.delete(session.id);
    this.#sessions.set(session.id, session);
    return before;
  }

  /** @returns {object|null} what is gone */
  delete(id) {
    const before = this.#sessions.get(id) ?? null;
    this.#sessions.delete(id);
    this.#untold.delete(id);
    return before;
  }

  /** Everything there is has been told. */
  settle() {
    for (const id of this.#untold) this.#sessions.delete(id);
    this.#untold.clear();
    this.synced = true;
  }

  get(id) {
    return this.#sessions.get(id) ?? null;
  }

  /** All of them, newest first. */
  all() {
    return [...this.#sessions.values()].sort(byAge);
  }

  /** As the home page shows them. */
  arranged() {
    const own = this.all().filter((session) => session.access?.role !== "guest");
    return {
      living: own.filter((session) => session.phase !== "ended"),
      ended: own.filter((session) => session.phase === "ended").sort(byEnd),
      shared: this.all().filter((session) => session.access?.role === "guest" && session.phase !== "ended"),
    };
  }
}

/** What a change of a session is called, for notices and the administrator's list; null for none. */
export function changeWords(before, after) {
  if (before === null) return "created";
  if (before.phase !== after.phase) return after.phase;
  if (before.warning !== after.warning && after.warning) return "warned";
  if (before.name !== after.name) return "renamed";
  const joined = viewerCount(after) - viewerCount(before);
  if (joined > 0) return "joined";
  return joined < 0 ? "left" : null;
}

/** Viewers of both kinds. */
export function viewerCount(session) {
  return (session.viewers?.control ?? 0) + (session.viewers?.view ?? 0);
}

function byAge(one, other) {
  return other.created_at.localeCompare(one.created_at) || other.id.localeCompare(one.id);
}

function byEnd(one, other) {
  return (other.ended_at ?? "").localeCompare(one.ended_at ?? "");
}
