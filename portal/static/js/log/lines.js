// Text that comes in pieces -> whole lines, within a bound. Pure.

// Colours and titles of terminals are for terminals.
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/gu;
const CARRIAGE = /^[^\n]*\r/u;

export class LineBuffer {
  #rest = "";

  /** @returns {string[]} the lines that are complete with this piece */
  push(piece) {
    const parts = (this.#rest + piece).split("\n");
    this.#rest = parts.pop();
    return parts.map(cleaned);
  }

  /** What is left when nothing more comes. */
  end() {
    const rest = this.#rest;
    this.#rest = "";
    return rest ? [cleaned(rest)] : [];
  }
}

/** A line as it would be read on a terminal: without colours, and after the last carriage return. */
export function cleaned(line) {
  return line.replace(ESCAPES, "").replace(/\r$/u, "").replace(CARRIAGE, "");
}
