// Parts of the page that are loaded when they are needed. A browser does not try a module again that
// it could not load once, so the way on is to load the page again; the session does not mind.

import { toast } from "../announce.js";

/** @param {() => Promise<object>} load imports the module; `null`: it could not, which has been said */
export async function lazily(load) {
  try {
    return await load();
  } catch {
    const action = { label: "Load again", run: () => location.reload() };
    toast("A part of this page could not be loaded.", { tone: "bad", action });
    return null;
  }
}
