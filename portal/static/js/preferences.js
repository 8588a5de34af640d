// What a person chose, kept by the portal and so the same in any browser.

import { get, put } from "./api.js";

const NONE = { favourites: [], last: {}, theme: "auto" };

let current = structuredClone(NONE);
let saving = Promise.resolve();

/** Fetch them; without an answer there are none, and the page works. */
export async function loadPreferences() {
  try {
    current = { ...structuredClone(NONE), ...(await get("/api/preferences")) };
  } catch {
    current = structuredClone(NONE);
  }
  applyTheme(current.theme);
  return current;
}

export function preferences() {
  return current;
}

/**
 * Change them here at once, and at the portal with what other tabs have changed meanwhile.
 * @returns {Promise<void>} when it is kept; raises Problem
 */
export function changePreferences(change) {
  change(current);
  saving = saving
    .catch(() => null)
    .then(async () => {
      const kept = { ...structuredClone(NONE), ...(await get("/api/preferences")) };
      change(kept);
      await put("/api/preferences", kept);
      current = kept;
    });
  return saving;
}

/** "auto", "light" or "dark", from the next page on as well. */
export function applyTheme(choice) {
  const root = document.documentElement;
  if (choice === "light" || choice === "dark") {
    root.dataset.theme = choice;
    localStorage.setItem("fx.theme", choice);
  } else {
    delete root.dataset.theme;
    localStorage.removeItem("fx.theme");
  }
}
