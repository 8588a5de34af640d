// The administrator's page: every session, the node, and what happens.

import { get } from "../api.js";
import { byId, fill, h } from "../dom.js";
import { Feed } from "../events.js";
import { loadPreferences } from "../preferences.js";
import { SessionBook } from "../sessions.js";
import { banner, followConnection, mountShell, showFailure } from "../shell.js";
import { clearHappenings, tellChange, tellNode, tellRemoved } from "./happenings.js";
import { showNode } from "./node.js";
import { SessionTable } from "./table.js";

const TICK_MS = 10000;

const book = new SessionBook();
let node = null;
let templates = [];
let table = null;
let drawing = 0;

async function start() {
  const [who] = await Promise.all([mountShell("/admin"), loadPreferences()]);
  if (!who.administrator) {
    byId("admin").hidden = true;
    fill(
      byId("banners"),
      banner(
        "warn",
        "This page is for administrators.",
        "",
        h("a", { class: "button small", href: "/" }, "My sessions"),
      ),
    );
    return;
  }
  const feed = new Feed("all");
  table = new SessionTable({ templates: () => templates, who, feed });
  follow(feed);
  followConnection(feed);
  byId("happenings-clear").addEventListener("click", clearHappenings);
  ({ templates } = await get("/api/templates").catch(() => ({ templates: [] })));
  feed.start();
  setInterval(tick, TICK_MS);
}

function follow(feed) {
  feed.addEventListener("reset", () => book.reset());
  feed.addEventListener("update", ({ detail }) => {
    const before = book.update(detail);
    if (book.synced) tellChange(before, detail);
    draw();
  });
  feed.addEventListener("delete", ({ detail }) => {
    const gone = book.delete(detail.id);
    if (book.synced) tellRemoved(gone);
    draw();
  });
  feed.addEventListener("synced", () => {
    book.settle();
    draw();
  });
  feed.addEventListener("node", ({ detail }) => nodeChanged(detail));
}

function nodeChanged(next) {
  if (node && node.draining !== next.draining) {
    tellNode(
      next.draining ? "No new sessions are taken" : "New sessions are taken again",
      next.draining ? "warn" : "good",
    );
  }
  if (node && node.ready !== next.ready)
    tellNode(
      next.ready ? "The node is ready" : `The node is not ready. ${next.message}`,
      next.ready ? "good" : "bad",
    );
  node = next;
  draw();
}

function draw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    table.show(book.all());
    showNode(node, book.all());
    byId("loading").hidden = book.synced;
  });
}

// The load is told with changes only; it is asked for while somebody looks.
async function tick() {
  table.tick(new Date());
  if (document.hidden) return;
  const latest = await get("/api/node").catch(() => null);
  if (latest) nodeChanged(latest);
}

start().catch(showFailure);
