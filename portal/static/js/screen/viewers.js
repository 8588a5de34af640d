// Who else is there: asked for when the session says that their number has changed.

export class Viewers extends EventTarget {
  #ask;
  #counted = "";
  #own = null;
  #known = null;

  /** As the portal tells them: [{connection, name, mode, connected_at}]. */
  list = [];

  /** @param {() => Promise<object[]>} ask raises Problem */
  constructor(ask) {
    super();
    this.#ask = ask;
  }

  /** The connection that is this page's own. */
  setOwn(connection) {
    this.#own = connection ?? null;
    this.#counted = "";
  }

  /** @param {{viewers?: {control: number, view: number}}} session as it is now */
  async take(session) {
    const { control = 0, view = 0 } = session.viewers ?? {};
    const counted = `${control}/${view}`;
    if (counted === this.#counted) return;
    this.#counted = counted;
    await this.refresh();
  }

  async refresh() {
    let list;
    try {
      list = await this.#ask();
    } catch {
      return; // there will be another change, and the number is known anyway
    }
    this.list = list.map((viewer) => ({ ...viewer, own: viewer.connection === this.#own }));
    this.#tellWhoCame();
    this.dispatchEvent(new CustomEvent("changed"));
  }

  #tellWhoCame() {
    const known = this.#known;
    this.#known = new Set(this.list.map(({ connection }) => connection));
    if (known === null) return;
    for (const viewer of this.list) {
      if (!viewer.own && !known.has(viewer.connection)) {
        this.dispatchEvent(new CustomEvent("came", { detail: viewer }));
      }
    }
  }
}
