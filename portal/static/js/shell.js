// The frame of every page: the bar at the top with where one is and who one is.

import { me, signOut } from "./api.js";
import { toastProblem } from "./announce.js";
import { byId, fill, h, set, setText } from "./dom.js";
import { initials } from "./format.js";
import { icon } from "./icons.js";
import { attachMenu } from "./menu.js";
import { applyTheme, changePreferences, preferences } from "./preferences.js";

const THEMES = [
  ["auto", "As the system", "desktop"],
  ["light", "Light", "sun"],
  ["dark", "Dark", "moon"],
];

/** Fill the bar. `here` is the path of the page it stands on; gives who is signed in. */
export async function mountShell(here) {
  const who = await me();
  const links = [["/", "Sessions"], ...(who.administrator ? [["/admin", "Administration"]] : [])];
  fill(
    byId("top-bar"),
    h(
      "a",
      { class: "brand", href: "/", "aria-label": "FastX, home" },
      mark(),
      h("span", { class: "brand-name" }, "FastX"),
    ),
    h(
      "nav",
      { "aria-label": "Pages" },
      links.map(([path, label]) =>
        h("a", { href: path, "aria-current": path === here ? "page" : null }, label),
      ),
    ),
    h("div", { class: "spacer" }),
    userButton(who),
  );
  for (const search of document.querySelectorAll(".search")) search.prepend(icon("search", { size: 16 }));
  return who;
}

/** The product's mark. */
export function mark(size = 28) {
  return h("img", { src: "/static/icons/favicon.svg", alt: "", width: size, height: size });
}

function userButton(who) {
  const name = who.full_name || who.user;
  const button = h(
    "button",
    { class: "button plain user-button", type: "button" },
    h("span", { class: "avatar", "aria-hidden": "true" }, initials(name)),
    h("span", { class: "only-heard" }, "Account of "),
    h("span", { class: "user-name" }, name),
    icon("chevron", { size: 14 }),
  );
  attachMenu(button, () => userItems(who, name), "Account");
  return h("div", { class: "user" }, button);
}

function userItems(who, name) {
  const about = [who.user, who.host].filter(Boolean).join(" on ");
  return [
    h("div", { class: "menu-note", role: "presentation" }, h("strong", {}, name), about),
    "line",
    ...THEMES.map(([choice, label, symbol]) => ({
      label,
      icon: symbol,
      checked: (preferences().theme ?? "auto") === choice,
      run: () => chooseTheme(choice),
    })),
    "line",
    { label: "Sign out", icon: "sign-out", run: () => leave(who) },
  ];
}

function chooseTheme(choice) {
  applyTheme(choice);
  changePreferences((kept) => {
    kept.theme = choice;
  }).catch((problem) => toastProblem(problem, "The theme holds on this browser only."));
}

function leave(who) {
  signOut(who.sign_out_url ?? "/sign-in").catch((problem) => toastProblem(problem, "Not signed out."));
}

/**
 * Banners that say what cannot be reached at the moment: the portal itself, or the supervisor.
 * @param {import("./events.js").Feed} feed
 */
export function followConnection(feed) {
  const place = byId("banners");
  const portal = banner(
    "warn",
    "The portal cannot be reached.",
    "What you see is as it last was. It comes back by itself.",
  );
  const upstream = banner("warn", "Sessions cannot be steered at the moment.", "");
  let lost = 0;
  feed.addEventListener("state", ({ detail }) => {
    clearTimeout(lost);
    if (detail === "live") show(portal, false);
    else lost = setTimeout(() => show(portal, true), 2000);
  });
  feed.addEventListener("upstream", ({ detail }) => {
    const ours = "Running sessions are not affected. This page goes on by itself as soon as it can.";
    setText(upstream.querySelector("p"), detail.message || ours);
    show(upstream, !detail.connected);
  });
  const show = (element, wanted) => {
    if (wanted && !element.isConnected) place.append(element);
    if (!wanted) element.remove();
  };
}

const AGAIN_AFTER_MS = 10000;

/** The page could not begin: say so, and where that may pass, begin again. */
export function showFailure(problem) {
  const again = h(
    "button",
    { class: "button small", type: "button", onclick: () => location.reload() },
    icon("refresh", { size: 16 }),
    "Try again",
  );
  const text = problem.passes
    ? `${problem.detail} It is tried again by itself.`
    : (problem.detail ?? problem.message);
  fill(byId("banners"), banner("bad", "This page cannot be shown.", text, again));
  if (problem.passes) setTimeout(() => location.reload(), AGAIN_AFTER_MS);
}

/** One thing that the whole page should know. */
export function banner(tone, title, text, ...more) {
  const element = h(
    "div",
    { class: `banner tone-${tone}` },
    icon(tone === "bad" || tone === "warn" ? "alert" : "info"),
    h("div", {}, h("strong", {}, title), h("p", { class: "small" }, text)),
    more,
  );
  return set(element, { role: "status" });
}
