// The node: how it is, what it carries, and whether it takes new sessions.

import { post } from "../api.js";
import { toast, toastProblem } from "../announce.js";
import { openDialog } from "../dialog.js";
import { byId, fill, freshId, h, setText } from "../dom.js";
import { bytes, fullMoment, moment, plural } from "../format.js";
import { icon } from "../icons.js";
import { banner } from "../shell.js";
import { totals } from "./rows.js";

/** @param {object|null} node as the relay says it */
export function showNode(node, sessions) {
  if (!node) return;
  const state = stateOf(node);
  const chip = byId("node-state");
  setText(chip, state.label);
  chip.className = `chip tone-${state.tone}`;
  setText(byId("node-about"), aboutOf(node));
  showFigures(node, totals(sessions));
  showGate(node);
  showTroubles(node);
}

function stateOf(node) {
  if (!node.ready) return { label: "Not ready", tone: "bad" };
  return node.draining ? { label: "Takes no new sessions", tone: "warn" } : { label: "Ready", tone: "good" };
}

function aboutOf({ host, version, engine }) {
  const parts = [
    host,
    version && `supervisor ${version}`,
    engine?.name && `${engine.name} ${engine.version ?? ""}`.trim(),
  ];
  return parts.filter(Boolean).join(" · ");
}

function showFigures(node, { memoryBytes, cores, viewers, users }) {
  const most = node.capacity?.max_sessions ?? null;
  const cpus = node.capacity?.cpus ?? 0;
  const [one = 0, five = 0, fifteen = 0] = node.load?.average ?? [];
  const running = node.load?.sessions ?? 0;
  const figures = [
    figure(
      "Sessions",
      String(running),
      most ? `of ${most}` : plural(users, "user"),
      most ? running / most : null,
    ),
    figure("Waiting", String(node.load?.pending ?? 0), "for their turn", null),
    figure(
      "Load, 1 · 5 · 15 min",
      one.toFixed(2),
      `${five.toFixed(2)} · ${fifteen.toFixed(2)}`,
      cpus ? one / cpus : null,
    ),
    figure("Sessions' CPU", cores.toFixed(2), `of ${plural(cpus, "core")}`, cpus ? cores / cpus : null),
    figure("Sessions' memory", bytes(memoryBytes), "in use", null),
    figure("Viewers", String(viewers), "connected", null),
  ];
  const place = byId("node-figures");
  const wanted = figures.map((one) => one.textContent).join();
  if (place.dataset.shown === wanted) return;
  place.dataset.shown = wanted;
  fill(place, figures);
}

function figure(label, value, about, share) {
  const bar =
    share === null
      ? null
      : h("span", { class: `meter ${share > 0.85 ? "high" : ""}`, "aria-hidden": "true" }, h("span", {}));
  if (bar) bar.firstChild.style.width = `${Math.min(100, share * 100)}%`;
  return h(
    "div",
    { class: "figure" },
    h("dt", {}, label),
    h(
      "dd",
      {},
      h("span", { class: "figure-value numbers" }, value),
      h("span", { class: "figure-about numbers" }, about),
      bar,
    ),
  );
}

let gateShown = "";

function showGate(node) {
  const wanted = JSON.stringify([node.draining, node.cordon]);
  if (wanted === gateShown) return;
  gateShown = wanted;
  const { cordon } = node;
  const place = byId("node-gate");
  if (node.draining) {
    fill(
      place,
      cordon
        ? h(
            "p",
            { class: "small quiet", title: fullMoment(cordon.since) },
            `By ${cordon.by}, since ${moment(cordon.since)}${cordon.reason ? `: ${cordon.reason}` : ""}`,
          )
        : null,
      h(
        "button",
        {
          class: "button primary",
          type: "button",
          onclick: () => order("undrain", {}, "New sessions are taken again."),
        },
        icon("play", { size: 16 }),
        "Take new sessions",
      ),
    );
  } else {
    fill(
      place,
      h(
        "button",
        { class: "button", type: "button", onclick: () => openGateDialog() },
        icon("pause", { size: 16 }),
        "Take no new sessions",
      ),
    );
  }
}

function openGateDialog() {
  const id = freshId("reason");
  const reason = h("input", {
    class: "input",
    id,
    maxlength: "256",
    autocomplete: "off",
    placeholder: "for example: kernel update at 18:00",
  });
  const all = h("input", {
    type: "checkbox",
    role: "switch",
    onchange: () =>
      setText(button, all.checked ? "Close, and end all sessions" : "Take no new sessions") ||
      button.classList.toggle("danger", all.checked),
  });
  const button = h(
    "button",
    { class: "button primary", type: "submit", form: "gate-form" },
    "Take no new sessions",
  );
  const form = h(
    "form",
    { id: "gate-form", class: "stack loose" },
    h(
      "p",
      { class: "quiet" },
      "Users see that nothing can be started, and the reason. It holds until somebody lifts it, over restarts too.",
    ),
    h("div", { class: "field" }, h("label", { for: id }, "Reason"), reason),
    h("label", { class: "switch" }, all, "End all sessions that there are as well"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    if (all.checked)
      order("drain", { reason: reason.value.trim(), terminate: true }, "All sessions are asked to end.");
    else order("cordon", { reason: reason.value.trim() }, "No new sessions are taken.");
  });
  const dialog = openDialog({
    title: "Take no new sessions?",
    body: form,
    foot: [h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), button],
    focus: reason,
  });
}

async function order(what, body, done) {
  try {
    await post(`/api/node/${what}`, body);
    toast(done, { tone: "good" });
  } catch (problem) {
    toastProblem(problem, "The node is as it was.");
  }
}

let troublesShown = "";

// What an administrator has to see to, in the daemon's own words.
function showTroubles(node) {
  const troubles = [
    !node.ready && ["The node is not ready.", node.message],
    node.configuration?.error && ["The configuration was not taken over.", node.configuration.error],
    node.configuration?.templates_refused?.length && [
      "Templates are faulty.",
      node.configuration.templates_refused.join(" "),
    ],
    node.configuration?.kept?.length && ["Changes wait for a restart.", node.configuration.kept.join(", ")],
    node.webhook &&
      node.webhook.state !== "delivering" && ["The webhook does not deliver.", node.webhook.message],
    node.audit?.records_lost && ["Records of the audit trail are lost.", node.audit.error ?? ""],
  ].filter(Boolean);
  const wanted = JSON.stringify(troubles);
  if (wanted === troublesShown) return;
  troublesShown = wanted;
  fill(
    byId("node-troubles"),
    troubles.map(([title, text]) => banner("warn", title, text ?? "")),
  );
}
