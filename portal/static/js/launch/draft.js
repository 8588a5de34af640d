// What was filled in and not launched yet: a page that is loaded again has it still. This tab's alone.

const KEY = "fx.draft";

export function keepDraft(template, values) {
  sessionStorage.setItem(KEY, JSON.stringify({ template, values }));
}

/** The values for that template, or null. */
export function draftOf(template) {
  try {
    const draft = JSON.parse(sessionStorage.getItem(KEY));
    return draft?.template === template ? draft.values : null;
  } catch {
    return null;
  }
}

export function dropDraft() {
  sessionStorage.removeItem(KEY);
}
