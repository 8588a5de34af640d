"""What configuration, templates and images mean for sessions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from supervisor.ctl.doctor.finding import Finding, bad, doubtful, good, unknown

_RISKY = {
    "privileged": "containers that are root on this host",
    "raw": "keys that the policy does not know",
    "host_pid": "containers that see every process",
    "host_network": "containers that reach other users' displays",
    "host_ipc": "containers that share the host's memory segments",
    "other_containers": "containers that get into others",
    "unconfined": "containers without seccomp or AppArmor",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateImage:
    """One template's image; ``image_id`` is ``None`` if it is not here."""

    template: str
    image: str
    pull_policy: str
    image_id: str | None = None
    has_perl: bool | None = None
    """``None`` where it could not be read."""
    shipped: bool = False
    """Whether the template is one of the product's own, which nobody need use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A template that the policy, or its own values, keep from starting."""

    template: str
    reason: str
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A webhook secret's file; ``fault`` is why it cannot be used."""

    path: str
    fault: str = ""
    readable_by_all: bool = False
    readable_by_daemon: bool = True


def judge_config(faults: Sequence[str], source: str) -> Finding:
    """``faults`` as ``fx-supervisor check`` has them."""
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return bad(
            f"{faults[0]}{more}",
            "Correct it, then systemctl reload-or-restart fx-supervisor; fx-supervisor check "
            "shows all.",
        )
    return good(f"{source} is valid.")


def judge_currency(changed_at: float | None, loaded_at: float, kept: Sequence[str] = ()) -> Finding:
    """When the file was changed (``None``: no file) and when loaded; keys that wait for a start."""
    # Told in milliseconds; of a file it is known more exactly.
    if changed_at is not None and int(changed_at * 1000) > round(loaded_at * 1000):
        return doubtful(
            "supervisor.yaml was changed after the daemon had loaded it.",
            "systemctl reload fx-supervisor; then fxctl doctor --check config-current again.",
        )
    if kept:
        return doubtful(
            f"{', '.join(kept)} will hold from the daemon's next start on.",
            "systemctl restart fx-supervisor (sessions run on).",
        )
    return good("The daemon runs with supervisor.yaml as it is.")


def judge_policy(allowed: Sequence[str], mount_sources: Sequence[str]) -> Finding:
    """What the policy gives away."""
    risks = [f"{name} ({_RISKY[name]})" for name in sorted(allowed) if name in _RISKY]
    if "/" in mount_sources:
        risks.append("every directory of the host (policy.mount_sources)")
    if risks:
        return doubtful(
            f"The policy allows {', '.join(risks)}.",
            "Leave in policy.allow only what a template needs, and let nobody but administrators "
            "write templates.",
        )
    return good("The policy gives nothing of the host away.")


def judge_secrets(secrets: Sequence[Secret]) -> Finding:
    """Whether the daemon, and nobody else, can read what signs the webhook."""
    for secret in secrets:
        if secret.fault:
            return bad(secret.fault, "docs/webhook.md tells how a secret is made.")
        if not secret.readable_by_daemon:
            return bad(
                f"The daemon cannot read the webhook's secret {secret.path}.",
                f"chown fastx {secret.path} && chmod 0600 {secret.path}",
            )
        if secret.readable_by_all:
            return doubtful(
                f"Everybody on this host can read the webhook's secret {secret.path}.",
                f"chmod 0600 {secret.path}, and change the secret.",
            )
    return good("Secrets are kept." if secrets else "There are no secrets to keep.")


def judge_templates(faults: Sequence[str], names: Sequence[str]) -> Finding:
    """``faults`` have file, line and column."""
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return bad(
            f"{faults[0]}{more}",
            "Correct the template; it is read again by itself. fx-supervisor check shows all.",
        )
    if not names:
        return bad("There are no templates.", "Copy templates/docker.tpl to launcher-templates/.")
    return good(f"Valid: {', '.join(names)}.")


def judge_refusals(refusals: Sequence[Refusal]) -> Finding:
    """Whether valid templates may be started at all. Shipped ones are only told of."""
    own = [each for each in refusals if not each.shipped]
    if own:
        first = own[0]
        more = f" (and {len(own) - 1} more)" if len(own) > 1 else ""
        return bad(
            f"Template {first.template} cannot be started: {first.reason}{more}",
            "Change the template, or allow it in supervisor.yaml (policy); fxctl render -t "
            f"{first.template} shows what it asks for.",
        )
    if refusals:
        names = ", ".join(each.template for each in refusals)
        return good(f"The policy allows every template but these of the shipped ones: {names}.")
    return good("The policy allows every template.")


def judge_images(images: Sequence[TemplateImage]) -> Finding:
    """Whether they are here, or can come. Shipped templates need not have theirs, if any has."""
    absent = [each for each in images if each.image_id is None]
    here = sorted({each.image for each in images if each.image_id is not None})
    excused = [each for each in absent if each.shipped] if here else []
    missing = [each for each in absent if each not in excused]
    for each in missing:
        if each.pull_policy == "never":
            return bad(
                f"Template {each.template}: the image {each.image} is not here, and pull_policy "
                "is never.",
                f"docker pull {each.image} (or docker load), or change the template's image.",
            )
    if missing:
        return doubtful(
            f"Not here yet: {_with_templates(missing)}. The first start has to fetch it.",
            "docker pull it now, so that nobody waits; if that fails, correct the template's image "
            "or the engine's access to the registry.",
        )
    if excused:
        return good(
            f"Here: {', '.join(here)}. Shipped templates without their images: "
            f"{_with_templates(excused)}; docs/desktops.md tells how these are made."
        )
    return good(f"All here: {', '.join(here)}.")


def _with_templates(images: Sequence[TemplateImage]) -> str:
    return ", ".join(f"{each.image} ({each.template})" for each in images)


def judge_perl(images: Sequence[TemplateImage]) -> Finding:
    """Whether the agent, which is written in it, can run."""
    for each in images:
        if each.has_perl is False:
            return bad(
                f"Template {each.template}: the image {each.image} has no perl.",
                "Add it to the image: RUN apt-get install -y perl-base (dnf install "
                "perl-interpreter,"
                " apk add perl).",
            )
    unread = [each.image for each in images if each.has_perl is None]
    if unread:
        return unknown(f"Not known: the engine did not let {unread[0]} be read; run it again.")
    return good("Every image that is here has perl.")


def judge_user(name: str, refusal: str, groups: Mapping[str, bool]) -> Finding:
    """``groups``: the user's, and whether each may enter a container."""
    if refusal:
        return bad(refusal, "getent passwd shows users; identity.* in supervisor.yaml the rules.")
    kept_out = [group for group, may in groups.items() if not may]
    note = f" Not in containers: {', '.join(kept_out)}." if kept_out else ""
    return good(f"User {name} may have sessions.{note}")
