// Who else may see a session: new shares, those that hold, and who is there now.

import { get, post, remove, sessionPath } from "../api.js";
import { announce, toastProblem } from "../announce.js";
import { openDialog } from "../dialog.js";
import { fill, freshId, h } from "../dom.js";
import { ago, fullMoment, roughly, until } from "../format.js";
import { icon } from "../icons.js";
import { framed, segments } from "../launch/fields.js";
import { sentence } from "../launch/values.js";
import { nameOf } from "../steer.js";
import { copyFrom } from "./copy.js";

const EXPIRIES = [3600, 8 * 3600, 86400, 3 * 86400, 7 * 86400, 30 * 86400];
const USUAL_EXPIRY = 86400;

/** @param {import("../events.js").Feed} feed tells when shares or viewers change */
export function openShare(session, who, feed) {
  const list = h("ul", { class: "share-list" });
  const watching = h("ul", { class: "share-list" });
  const fresh = h("div", { class: "fresh-share" });
  const path = sessionPath(session.id, "shares");
  const load = () => loadShares(session, path, list);
  const look = () => loadViewers(session, watching);
  const dialog = openDialog({
    title: `Share “${nameOf(session)}”`,
    about: "Others see this session live. What they may do, and for how long, is up to you.",
    body: [
      session.access?.role !== "owner" || !mayShare(who) ? null : newShare(who, path, fresh, load),
      fresh,
      section("Shared with", list),
      section("Connected now", watching),
    ].filter(Boolean),
    size: "form",
    onclose: () => controller.abort(),
  });
  const controller = new AbortController();
  const on = { signal: controller.signal };
  feed.addEventListener("shares", ({ detail }) => detail.session_id === session.id && load(), on);
  feed.addEventListener("update", ({ detail }) => detail.id === session.id && look(), on);
  load();
  look();
  return dialog;
}

/** Whether anybody may share anything here. */
export function mayShare(who) {
  return who.shares?.named !== false || who.shares?.anyone === true;
}

function section(title, list) {
  return h("section", { class: "share-section" }, h("h3", {}, title), list);
}

function newShare(who, path, fresh, load) {
  const { named = true, anyone = false } = who.shares ?? {};
  const userInput = h("input", {
    class: "input",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    placeholder: "for example bob",
  });
  const user = framed({ label: "User name", help: "They find it among their sessions.", control: userInput });
  const to = segments(
    [
      { value: "user", label: "A user" },
      { value: "anyone", label: "Anyone with the link" },
    ],
    named ? "user" : "anyone",
    () => show(),
  );
  const toFrame = framed({ label: "For", control: to.group, group: true });
  const mode = segments(
    [
      { value: "view", label: "May watch" },
      { value: "control", label: "May control" },
    ],
    "view",
  );
  const modeFrame = framed({ label: "What they may do", control: mode.group, group: true });
  const expiry = expiryField(who.shares?.most_seconds ?? Infinity);
  const button = h(
    "button",
    { class: "button primary", type: "submit" },
    icon("share", { size: 16 }),
    h("span", {}, "Share"),
  );
  const show = () => {
    user.element.hidden = to.input() !== "user";
    button.lastChild.textContent = to.input() === "user" ? "Share" : "Make a link";
  };
  const form = h(
    "form",
    { class: "share-form", novalidate: true },
    named && anyone ? toFrame.element : null,
    user.element,
    h("div", { class: "share-terms" }, modeFrame.element, expiry.element),
    button,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const named = to.input() === "user";
    const name = userInput.value.trim();
    if (named && !name) {
      user.complain("Whom do you want to share it with?");
      return userInput.focus();
    }
    const wish = {
      mode: mode.input(),
      user: named ? name : null,
      expires_in_seconds: Number(expiry.control.value),
    };
    return make(wish, { path, fresh, load, user, userInput, button });
  });
  show();
  return form;
}

function expiryField(most) {
  const offered = EXPIRIES.filter((seconds) => seconds <= most);
  if (!offered.length) offered.push(most);
  const usual = offered.includes(USUAL_EXPIRY) ? USUAL_EXPIRY : offered[offered.length - 1];
  const control = h(
    "select",
    { class: "select" },
    offered.map((seconds) =>
      h(
        "option",
        { value: String(seconds), selected: seconds === usual },
        roughly(seconds).replace(/ h$/u, seconds === 3600 ? " hour" : " hours"),
      ),
    ),
  );
  return { control, element: framed({ label: "For how long", control }).element };
}

async function make(wish, { path, fresh, load, user, userInput, button }) {
  user.complain("");
  button.setAttribute("aria-busy", "true");
  try {
    const share = await post(path, wish);
    fill(fresh, freshShare(share));
    announce(share.user ? `Shared with ${share.user}` : "The link is made");
    if (wish.user) userInput.value = "";
    await load();
  } catch (problem) {
    const about = problem.errors?.find(({ loc }) => loc.includes("user"));
    if (about || (wish.user && problem.status === 422)) {
      user.complain(sentence(about?.msg ?? problem.detail));
      userInput.focus();
    } else {
      toastProblem(problem, "Not shared.");
    }
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function freshShare(share) {
  const input = h("input", {
    class: "input code",
    readonly: true,
    id: freshId("link"),
    value: new URL(share.url, location.href).href,
  });
  input.addEventListener("focus", () => input.select());
  const text = share.user
    ? `${share.user} finds it among their sessions, or by this address.`
    : "Whoever has this link sees the session. It is shown this once: copy it now.";
  return h(
    "div",
    { class: "panel fresh-panel" },
    h("label", { for: input.id, class: "small" }, text),
    h("div", { class: "row" }, h("div", { class: "grow" }, input), copyButton(input)),
  );
}

function copyButton(input) {
  const button = h("button", { class: "button", type: "button" }, icon("copy", { size: 16 }), "Copy");
  button.addEventListener("click", async () => {
    if (!(await copyFrom(input))) return announce("Press Control C to copy the link", { urgent: true });
    fill(button, icon("check", { size: 16 }), "Copied");
    announce("The link is copied");
    return setTimeout(() => fill(button, icon("copy", { size: 16 }), "Copy"), 2500);
  });
  return button;
}

async function loadShares(session, path, list) {
  try {
    const { shares } = await get(path);
    const rows = shares.map((share) => shareRow(share, () => loadShares(session, path, list)));
    fill(list, rows.length ? rows : h("li", { class: "quiet small" }, "Nobody: only you see it."));
  } catch (problem) {
    fill(list, h("li", { class: "quiet small" }, problem.detail));
  }
}

function shareRow(share, reload) {
  const whom = share.user ?? "Anyone with the link";
  const revoke = async () => {
    try {
      await remove(`/api/shares/${encodeURIComponent(share.id)}`);
      announce(`${whom} does not see it any more`);
      await reload();
    } catch (problem) {
      toastProblem(problem, "Not revoked.");
    }
  };
  const about = `${share.mode === "control" ? "May control" : "May watch"}, ends ${share.expires_at ? until(share.expires_at) : "with the session"}`;
  return h(
    "li",
    { class: "share-row" },
    h("span", { class: "round" }, icon(share.user ? "person" : "link", { size: 16 })),
    h(
      "div",
      { class: "grow" },
      h("strong", { class: "cut" }, whom),
      h("p", { class: "quiet small", title: share.expires_at ? fullMoment(share.expires_at) : null }, about),
    ),
    h(
      "button",
      { class: "button small", type: "button", "aria-label": `Revoke: ${whom}`, onclick: revoke },
      "Revoke",
    ),
  );
}

async function loadViewers(session, list) {
  try {
    const { viewers } = await get(sessionPath(session.id, "viewers"));
    const rows = viewers.map((viewer) =>
      h(
        "li",
        { class: "share-row" },
        h("span", { class: "round" }, icon(viewer.mode === "control" ? "keyboard" : "eye", { size: 16 })),
        h(
          "div",
          { class: "grow" },
          h("strong", { class: "cut" }, viewer.name || "Somebody"),
          h(
            "p",
            { class: "quiet small" },
            `${viewer.mode === "control" ? "Controls" : "Watches"}, came ${ago(viewer.connected_at)}`,
          ),
        ),
      ),
    );
    fill(list, rows.length ? rows : h("li", { class: "quiet small" }, "Nobody is connected."));
  } catch {
    fill(list, h("li", { class: "quiet small" }, "Not known at the moment."));
  }
}
