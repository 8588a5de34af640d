// A one-time link. Whoever sends it decides whom it signs in, so that is asked first, unless it was made not
// to ask: nobody is to work as somebody else unawares.

import { get, post, signedInAs } from "../api.js";
import { byId, fill, h, setText } from "../dom.js";

const anonymous = { anonymous: true };

/** Who is signed in; null: nobody. Not asked of /api/me, whose refusal browsers tell as an error. */
export async function already() {
  try {
    return (await get("/api/sign-in", anonymous)).user;
  } catch {
    return null;
  }
}

/**
 * Ask whether the link is to sign in whom it would.
 * @param {string} token
 * @param {string|null} who is signed in
 * @param {{onward: string, say: (text: string) => void, offer: () => Promise<void>}} page
 */
export async function confirmLink(token, who, page) {
  const link = await look(token, page);
  if (link === null) return who === null ? page.offer() : offerToStay(who, page);
  if (link.user === who) return location.replace(page.onward);
  if (link.asks || who !== null) return ask(token, link.user, who, page);
  await signIn(token, page);
  return page.offer();
}

async function look(token, { say }) {
  try {
    return await post("/api/sign-in/link/user", { token }, anonymous);
  } catch (problem) {
    say(wordsOf(problem));
    return null;
  }
}

function ask(token, user, who, page) {
  const ways = byId("ways");
  const use = async () => {
    fill(ways);
    await signIn(token, page);
    await page.offer();
  };
  const kind = who === null ? "primary" : "plain";
  const go = h("button", { class: `button ${kind} wide`, type: "button", onclick: use }, `Sign in as ${user}`);
  setText(
    byId("about"),
    who === null
      ? `This link signs you in as ${user}. Is that you?`
      : `You are signed in as ${who}. This link signs you in as ${user} instead.`,
  );
  fill(ways, who === null ? null : stay(who, page), go);
  ways.firstElementChild.focus();
}

function offerToStay(who, page) {
  setText(byId("about"), `You are signed in as ${who}.`);
  fill(byId("ways"), stay(who, page)).firstElementChild.focus();
}

function stay(who, { onward }) {
  return h("a", { class: "button primary wide", href: onward }, `Stay signed in as ${who}`);
}

async function signIn(token, { onward, say }) {
  setText(byId("about"), "Signing you in …");
  try {
    signedInAs(await post("/api/sign-in/link", { token }, { ...anonymous, once: true }));
    location.replace(onward);
    await new Promise(() => {}); // the page is left
  } catch (problem) {
    if (problem.code === "unreachable" && (await already())) return;
    say(wordsOf(problem));
  }
}

function wordsOf({ code, detail }) {
  return code === "link_invalid"
    ? "This link does not sign you in: it was used already, or has expired."
    : detail;
}
