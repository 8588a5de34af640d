// What users and sessions have named is shown as it is, and moves nothing beside it. Pure.

// Embeddings, overrides and isolates (UAX 9): a name with one of them turns the words after it round.
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/gu;

/** The text with a replacement character for each that would change the direction of others. */
export function plain(text) {
  return String(text).replace(DIRECTIONS, "\ufffd");
}
