// The home page: my sessions live, what was shared with me, and what can be launched.

import { loadAhead } from "../ahead.js";
import { get } from "../api.js";
import { announce, toast } from "../announce.js";
import { confirmDialog } from "../dialog.js";
import { byId, fill, keyed, setText } from "../dom.js";
import { Feed } from "../events.js";
import { plural } from "../format.js";
import { Launcher } from "../launch/launcher.js";
import { openLog } from "../log/dialog.js";
import { endedWell, reasonSentence } from "../phases.js";
import { loadPreferences } from "../preferences.js";
import { SessionBook } from "../sessions.js";
import { mayShare, openShare } from "../share/dialog.js";
import { banner, followConnection, mountShell, showFailure } from "../shell.js";
import { forget, nameOf } from "../steer.js";
import { Card } from "./card.js";
import { EndedRow } from "./ended.js";
import { showQuota } from "./quota.js";
import { Thumbnails } from "./thumbnails.js";

const TICK_MS = 10000;
const ENDED_SHOWN = 5;

const book = new SessionBook();
const views = { living: new Map(), shared: new Map(), ended: new Map() };
let templates = [];
let who = null;
let tools = null;
let allEnded = false;
let drawing = 0;

async function start() {
  [who] = await Promise.all([mountShell("/"), loadPreferences()]);
  const launcher = new Launcher(byId("launch"), who);
  tools = {
    templates: () => templates,
    thumbnails: new Thumbnails(),
    share: (session) => openShare(session, who, feed),
    log: openLog,
    again: (session) => launcher.again(session),
    administrator: who.administrator,
    mayShare: mayShare(who),
  };
  const feed = new Feed("mine");
  follow(feed);
  followConnection(feed);
  feed.addEventListener("upstream", ({ detail }) => {
    if (detail.connected) loadTemplates(launcher);
    else if (!templates.length) launcher.fail(detail.message);
  });
  feed.start();
  setInterval(tick, TICK_MS);
}

async function loadTemplates(launcher) {
  const first = !templates.length;
  try {
    ({ templates } = await get("/api/templates"));
  } catch (problem) {
    if (first) launcher.fail(problem.detail);
    return;
  }
  launcher.show(templates);
  if (first) launcher.followHash();
  draw();
}

function follow(feed) {
  feed.addEventListener("reset", () => book.reset());
  feed.addEventListener("update", ({ detail }) => {
    const before = book.update(detail);
    if (book.synced) tellChange(before, detail);
    draw();
  });
  feed.addEventListener("delete", ({ detail }) => {
    book.delete(detail.id);
    draw();
  });
  feed.addEventListener("synced", () => {
    book.settle();
    draw();
  });
  feed.addEventListener("node", ({ detail }) => showNode(detail));
}

// Ends are worth a notice, unless oneself ended it; the rest is said to screen readers alone.
function tellChange(before, session) {
  if (!before || before.phase === session.phase || session.access?.role === "guest") return;
  const name = nameOf(session);
  if (session.phase === "ended") {
    if (session.reason === "Terminated") announce(`${name} has ended`);
    else tellEnd(name, session);
  } else if (session.phase === "running" && before.phase !== "unknown") {
    announce(`${name} is running`);
  } else if (session.phase === "suspended") {
    announce(`${name} is suspended`);
  }
}

function tellEnd(name, session) {
  const well = endedWell(session);
  const action = well ? null : { label: "Log", run: () => openLog(session) };
  toast(`${name} has ended. ${reasonSentence(session)}`, { tone: well ? "neutral" : "bad", action });
}

function showNode(node) {
  const place = byId("node-banner");
  const words = !node.ready ? node.message : node.draining ? (node.cordon?.reason ?? node.message) : null;
  if (place.dataset.words === String(words)) return;
  place.dataset.words = words;
  if (words === null) place.replaceChildren();
  else
    fill(
      place,
      banner(
        "warn",
        "No new sessions can be started at the moment.",
        words || "Those that run are not affected.",
      ),
    );
}

// Many updates at once are one drawing.
function draw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    drawNow();
  });
}

function drawNow() {
  const { living, ended, shared } = book.arranged();
  const id = (session) => session.id;
  keyed(byId("living"), living, id, (session) => new Card(session, { ...tools, level: "h2" }), views.living);
  keyed(
    byId("shared-list"),
    shared,
    id,
    (session) => new Card(session, { ...tools, level: "h3" }),
    views.shared,
  );
  keyed(
    byId("ended-list"),
    allEnded ? ended : ended.slice(0, ENDED_SHOWN),
    id,
    (session) => new EndedRow(session, tools),
    views.ended,
  );
  byId("shared").hidden = shared.length === 0;
  byId("ended").hidden = ended.length === 0;
  setText(byId("living-count"), living.length ? String(living.length) : "");
  setText(byId("ended-count"), String(ended.length));
  byId("loading").hidden = book.synced || living.length > 0;
  byId("empty").hidden = !book.synced || living.length > 0;
  byId("home").classList.toggle("nothing-runs", book.synced && living.length === 0);
  drawEndedButtons(ended);
  showQuota(byId("quota"), who.quota, living.length);
  document.title = living.length ? `Sessions (${living.length}) · FastX` : "Sessions · FastX";
}

function drawEndedButtons(ended) {
  const more = byId("ended-more");
  more.hidden = allEnded || ended.length <= ENDED_SHOWN;
  setText(more, `Show all ${ended.length}`);
}

function tick() {
  const now = new Date();
  for (const part of Object.values(views)) {
    for (const view of part.values()) view.tick(now);
  }
}

byId("ended-more").addEventListener("click", () => {
  allEnded = true;
  draw();
});
byId("ended-remove").addEventListener("click", async () => {
  const { ended } = book.arranged();
  const agreed = await confirmDialog({
    title: `Remove ${plural(ended.length, "ended session")}?`,
    text: "Their logs go with them. Files in your home directory stay.",
    confirm: "Remove",
  });
  if (!agreed) return;
  for (const session of ended) await forget(session);
});

start().then(loadAhead, showFailure);
