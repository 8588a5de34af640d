// Signing in: with a password, by a one-time link, or by whatever stands in front of the portal.

import { get, post } from "../api.js";
import { byId, fill, h, setText } from "../dom.js";
import { duration } from "../format.js";
import { icon } from "../icons.js";
import { banner, mark } from "../shell.js";
import { already, confirmLink } from "./link.js";
import { linkToken, nextPath } from "./next.js";

const onward = nextPath(location.search, location.origin, location.hash);
const anonymous = { anonymous: true };
let waiting = 0;

async function start() {
  fill(byId("mark"), mark(48));
  const token = linkToken(location.hash);
  // Out of the address bar and the history before anything else happens.
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  const who = await already();
  if (token) return confirmLink(token, who, { onward, say, offer });
  if (who) return location.replace(onward);
  return offer();
}

async function offer() {
  let how;
  try {
    how = await get("/api/sign-in", anonymous);
  } catch (problem) {
    say(problem.detail);
    fill(
      byId("ways"),
      h(
        "button",
        { class: "button", type: "button", onclick: () => location.reload() },
        icon("refresh"),
        "Try again",
      ),
    );
    return;
  }
  if (how.title) {
    setText(byId("title"), how.title);
    document.title = `Sign in · ${how.title}`;
  }
  const { methods } = how;
  byId("password-form").hidden = !methods.includes("pam");
  setText(byId("about"), methods.includes("pam") ? "Sign in with your account on this system." : "");
  if (methods.includes("pam")) byId("user").focus();
  else offerOthers(methods);
}

function offerOthers(methods) {
  const ways = [];
  if (methods.includes("header")) {
    ways.push(
      h("p", { class: "quiet" }, "Your organisation signs you in."),
      h("a", { class: "button primary wide", href: onward }, "Go on"),
    );
  }
  if (methods.includes("link")) {
    ways.push(
      h(
        "p",
        { class: "quiet" },
        "You sign in by a link that works once. Ask your administrator for one.",
      ),
    );
  }
  fill(byId("ways"), ways);
}

byId("password-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const user = byId("user");
  const password = byId("password");
  const empty = [user, password].find((input) => !input.value);
  if (empty) {
    say(empty === user ? "Who are you? Give your user name." : "Give your password.");
    return empty.focus();
  }
  return signIn(user, password);
});

async function signIn(user, password) {
  const button = byId("submit");
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    await post("/api/sign-in", { user: user.value.trim(), password: password.value }, anonymous);
    location.assign(onward);
  } catch (problem) {
    button.removeAttribute("aria-busy");
    button.disabled = false;
    refused(problem, button, password);
  }
}

function refused(problem, button, password) {
  if (problem.code === "too_many_attempts") {
    countDown(problem.retryAfterSeconds ?? 30, button);
  } else {
    say(problem.code === "sign_in_failed" ? "User name or password is wrong." : problem.detail);
  }
  password.value = "";
  password.focus();
}

function countDown(seconds, button) {
  const over = Date.now() + seconds * 1000;
  clearInterval(waiting);
  button.disabled = true;
  say(`Too many attempts. Try again in ${duration(seconds)}.`);
  waiting = setInterval(() => {
    const left = Math.ceil((over - Date.now()) / 1000);
    if (left > 0) {
      setText(button, `Wait ${duration(left)}`);
      return;
    }
    clearInterval(waiting);
    button.disabled = false;
    setText(button, "Sign in");
    byId("trouble").replaceChildren();
  }, 1000);
}

function say(text) {
  fill(byId("trouble"), banner("bad", text, ""));
}

byId("reveal").addEventListener("click", () => {
  const password = byId("password");
  const shown = password.type === "text";
  password.type = shown ? "password" : "text";
  byId("reveal").setAttribute("aria-pressed", String(!shown));
  password.focus();
});

fill(byId("reveal"), icon("eye"));
// A link that is pasted into this very tab changes nothing but what stands behind the #.
addEventListener("hashchange", () => location.reload());
start();
