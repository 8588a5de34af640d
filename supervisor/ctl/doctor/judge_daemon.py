"""What the daemon says of itself, and systemd and the kernel of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supervisor.ctl.doctor.finding import Finding, bad, doubtful, good, unknown
from supervisor.ctl.errors import CtlError, ProblemError, SocketDeniedError
from supervisor.ctl.text import plain

Node = Mapping[str, Any]

_PROCESSES = 60
"""Of a session with a desktop and a browser."""
_DESCRIPTORS = 8
"""Of the daemon, for one session and its viewers."""
_LEAST_INOTIFY = 128


def judge_daemon(error: CtlError | None, socket: str) -> Finding:
    """Whether it answers."""
    match error:
        case None:
            return good(f"The daemon answers on {socket}.")
        case SocketDeniedError() | ProblemError(status=403):
            return unknown(
                "Not known: this user may not use the daemon's socket (run as root, or see "
                "relay.web.allow_users)."
            )
        case _:
            return bad(
                str(error),
                "systemctl start fx-supervisor; journalctl -u fx-supervisor -n 50 says why it "
                "ended.",
            )


def judge_ready(node: Node, engine_answers_us: bool) -> Finding:
    """Whether sessions can be started."""
    if node.get("ready"):
        draining = " It takes no new sessions (draining)." if node.get("draining") else ""
        return good(f"Sessions are adopted, new ones can start.{draining}")
    reachable = (node.get("engine") or {}).get("reachable")
    if not reachable and not engine_answers_us:
        return unknown("the engine does not answer (see engine)")
    why = plain(str(node.get("message") or "no reason given"))
    return bad(
        f"The daemon is not ready: {why}",
        "It goes on trying. If that takes longer than a minute: journalctl -u fx-supervisor -n 50.",
    )


def judge_version(node: Node, ours: str) -> Finding:
    """Whether the daemon was restarted after an upgrade."""
    theirs = plain(str(node.get("version") or "unknown"))
    if theirs != ours:
        return doubtful(
            f"The daemon is version {theirs}, fxctl {ours}.",
            "systemctl restart fx-supervisor (sessions run on).",
        )
    return good(f"Daemon and fxctl are version {ours}.")


def judge_web_server(node: Node) -> Finding:
    """Whether anybody hears what becomes of sessions."""
    seen = node.get("web_server") or {}
    if streams := seen.get("streams"):
        told = "1 reader of events is" if streams == 1 else f"{streams} readers of events are"
        return good(f"{told} connected.")
    if (node.get("webhook") or {}).get("last_delivered_at"):
        return good("No reader of events, but the webhook is delivered.")
    cure = (
        "Is the web server running, does it use this socket, and is its user in "
        "relay.web.allow_users?"
    )
    if last := seen.get("last_seen_at"):
        return doubtful(f"No web server is connected; the last one was at {plain(last)}.", cure)
    return doubtful("No web server has connected since the daemon's start.", cure)


def judge_webhook(node: Node) -> Finding:
    """Whether events are posted."""
    webhook = node.get("webhook")
    if not webhook:
        return good("No webhook is configured.")
    if webhook.get("state") == "delivering":
        return good(f"Events are posted; {webhook.get('sessions_behind', 0)} sessions behind.")
    return doubtful(
        f"The webhook is {webhook.get('state')}: {plain(str(webhook.get('message') or ''))}",
        "Look at the receiver's log, and relay.webhook.url; nothing is lost for "
        "relay.webhook.give_up_seconds.",
    )


def judge_audit(node: Node) -> Finding:
    """Whether acts are recorded."""
    audit = node.get("audit") or {}
    lost = audit.get("records_lost", 0)
    if error := audit.get("error"):
        return bad(
            f"Nobody records who does what: {plain(str(error))} ({lost} acts lost so far).",
            "Make room, or mend audit.path in supervisor.yaml and its directory's owner.",
        )
    if lost:
        return doubtful(
            f"{lost} acts were not recorded since the daemon's start; they are now.",
            "journalctl -u fx-supervisor -g audit_records_lost tells when and why.",
        )
    return good("Who does what is recorded.")


def judge_orphans(found: Node) -> Finding:
    """What ``fxctl reconcile --dry-run`` finds."""
    counts = {
        "containers that no session stands for": len(found.get("orphans") or ()),
        "files of sessions that are over": len(found.get("leftover_files") or ()),
        "sessions that differ from their containers": len(found.get("drift") or ()),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if told:
        return doubtful(
            f"There are {told}.",
            "fxctl reconcile --dry-run tells of each; the daemon puts it in order within minutes.",
        )
    return good("Sessions, containers and files agree.")


def judge_service(unit: Mapping[str, str] | None) -> Finding:
    """``unit``: properties of ``systemctl show``; ``None`` where systemd does not run."""
    if unit is None:
        return good("systemd does not run here.")
    if unit.get("LoadState") != "loaded":
        return doubtful(
            "systemd does not know fx-supervisor.service: nobody starts the daemon after a boot.",
            "Install systemd/fx-supervisor.service (docs/install.md), then systemctl enable --now "
            "fx-supervisor.",
        )
    if unit.get("ActiveState") != "active":
        return bad(
            f"fx-supervisor.service is {unit.get('ActiveState')} ({unit.get('Result')}).",
            "journalctl -u fx-supervisor -n 50 says why; then systemctl restart fx-supervisor.",
        )
    if unit.get("UnitFileState") not in {"enabled", "enabled-runtime", "static", "indirect"}:
        return doubtful(
            "fx-supervisor.service is not started at boot.", "systemctl enable fx-supervisor"
        )
    if (restarts := unit.get("NRestarts", "0")) not in {"0", ""}:
        return doubtful(
            f"fx-supervisor.service had to be restarted {restarts} times.",
            "journalctl -u fx-supervisor says why; systemctl reset-failed fx-supervisor counts "
            "anew.",
        )
    return good("fx-supervisor.service is enabled and active.")


def judge_processes(most_processes: int, max_sessions: int | None) -> Finding:
    """``most_processes``: the lesser of pid_max and threads-max."""
    if max_sessions is not None and max_sessions * _PROCESSES > most_processes:
        return doubtful(
            f"This kernel has room for {most_processes} processes and threads, little for "
            f"{max_sessions} sessions (limits.max_sessions).",
            "sysctl -w kernel.pid_max=4194304 kernel.threads-max=1000000, and in /etc/sysctl.d/.",
        )
    return good(f"Room for {most_processes} processes and threads.")


def judge_descriptors(open_files: int | None, max_sessions: int | None) -> Finding:
    """``open_files``: how many the daemon may have; ``None``: without limit."""
    wanted = max(1024, _DESCRIPTORS * (max_sessions or 0))
    if open_files is not None and open_files < wanted:
        return doubtful(
            f"The daemon may open {open_files} files, and needs {wanted}.",
            "LimitNOFILE=65536 in a drop-in of fx-supervisor.service (systemctl edit).",
        )
    return good(f"The daemon may open {open_files or 'any number of'} files.")


def judge_inotify(instances: int) -> Finding:
    """``instances``: how many of one user's programs can watch files, in all sessions together."""
    if instances < _LEAST_INOTIFY:
        return doubtful(
            f"Programs of one user can have {instances} inotify instances in all: desktops fail "
            "in odd ways.",
            "sysctl -w fs.inotify.max_user_instances=1024, and in /etc/sysctl.d/.",
        )
    return good(f"{instances} inotify instances per user.")
