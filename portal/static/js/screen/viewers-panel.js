// Who else is watching.

import { toast } from "../announce.js";
import { h, setText } from "../dom.js";
import { initials, since } from "../format.js";
import { attachPanel } from "./panel.js";

/** @param {import("./viewers.js").Viewers} viewers */
export function attachViewers(button, viewers) {
  const panel = attachPanel(button, "Who is connected", () => [
    h("h2", { class: "panel-title" }, "Connected"),
    h("ul", { class: "viewer-list" }, viewers.list.map(row)),
  ]);
  viewers.addEventListener("changed", () => {
    const count = viewers.list.length;
    setText(button.querySelector(".count"), String(count));
    button.classList.toggle("several", count > 1);
    panel.refresh();
  });
  viewers.addEventListener("came", ({ detail }) => {
    toast(`${nameOf(detail)} ${detail.mode === "view" ? "is watching now" : "has joined, and may steer"}`);
  });
}

function row(viewer) {
  const name = nameOf(viewer);
  const says = [viewer.mode === "view" ? "watches" : "steers", `for ${since(viewer.connected_at)}`].join(", ");
  return h(
    "li",
    {},
    h("span", { class: "avatar", "aria-hidden": "true" }, initials(name)),
    h("span", { class: "grow" }, h("strong", {}, name, viewer.own ? " (you)" : ""), h("span", { class: "quiet small" }, says)),
  );
}

function nameOf(viewer) {
  return viewer.name || "Somebody";
}
