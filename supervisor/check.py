"""``fx-supervisor check``: whether everything that an administrator has written is right."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from supervisor.config import Config, load_config
from supervisor.errors import ConfigError
from supervisor.expiry import SOON_SECONDS
from supervisor.foresight import objection
from supervisor.host.bundle import bundle_mounts
from supervisor.lifecycle.times import rfc3339
from supervisor.places import config_directory
from supervisor.policy.guard import Guard
from supervisor.settings import allowed_peers, tcp_terms, webhook_config
from supervisor.share import templates_directory
from supervisor.template.catalog import DIRECTORY_NAME, SUFFIX, TemplateCatalog
from supervisor.template.errors import TemplateError

EXIT_FAULTS = 78


def check(config_file: Path | None) -> int:
    """Print every fault of configuration and templates, one per line; returns the exit code."""
    faults: list[str] = []
    notes: list[str] = []
    catalog = TemplateCatalog(config_directory(), templates_directory())
    try:
        config = load_config(config_file)
    except ConfigError as error:
        faults.extend(str(error).splitlines())
    else:
        faults.extend(_unusable(config))
        notes.extend(_missing_bundle(config))
        notes.extend(_cautions(config))
        notes.extend(_objections(config, catalog))
        notes.extend(_passed_over())
    faults.extend(str(fault) for fault in catalog.faults())
    for line in (*faults, *notes):
        print(line, file=sys.stderr)
    if faults:
        print(f"{len(faults)} fault{'' if len(faults) == 1 else 's'}.", file=sys.stderr)
        return EXIT_FAULTS
    names = ", ".join(catalog.names())
    print(f"Configuration and templates are in order ({names}).")
    return 0


def _unusable(config: Config) -> list[str]:
    """What the file names and is not there, or is not what it should be."""
    faults = []
    for judge in (allowed_peers, tcp_terms, webhook_config):
        try:
            judge(config)
        except ConfigError as error:
            faults.extend(str(error).splitlines())
    return faults


def _cautions(config: Config) -> list[str]:
    """Worth a note: what works, and lets others see what is not for them."""
    webhook = config.relay.webhook
    found = [
        f"note: {path}: everybody on this host can read the webhook's secret."
        for path in webhook.secret_files
        if path.exists() and path.stat().st_mode & stat.S_IROTH
    ]
    trail = config.audit.path
    if trail is not None and not trail.parent.is_dir():
        found.append(
            f"note: audit.path: there is no directory {trail.parent}; sessions go on unrecorded."
        )
    if webhook.in_clear:
        found.append("note: relay.webhook.url is not https: others on the way can read events.")
    found += _expiring(config)
    if config.relay.viewer.in_clear:
        found.append(
            "note: relay.viewer has no certificate_file: others on the way can see displays and "
            "take tickets. Let nobody but a front proxy reach it."
        )
    return found


def _expiring(config: Config) -> list[str]:
    try:
        terms = tcp_terms(config)
    except ConfigError:
        return []
    found = [each.certificate for each in terms if each is not None and each.certificate]
    return [
        f"note: {each.file}: the certificate is valid until {rfc3339(each.expires_at)}; "
        "those who connect will refuse it then."
        for each in found
        if each.expires_at - time.time() <= SOON_SECONDS
    ]


def _objections(config: Config, catalog: TemplateCatalog) -> Iterator[str]:
    """Templates that are right in themselves, and that the policy will not let through."""
    guard = Guard(config.policy.policy(config.identity.forbidden_groups))
    for name in catalog.names():
        try:
            template = catalog.get(name)
        except TemplateError:
            continue
        if told := objection(template, guard):
            yield f"note: {template.path}: starts will be refused. {told}"


def _passed_over() -> list[str]:
    """Files among the templates that look like one, and that nobody reads."""
    directory = config_directory() / DIRECTORY_NAME
    names = sorted(path for suffix in ("yaml", "yml") for path in directory.glob(f"*.{suffix}"))
    return [f"note: {path} is not read: a template's file ends in {SUFFIX}." for path in names]


def _missing_bundle(config: Config) -> list[str]:
    """Worth a note, no fault: configurations are written on machines without a bundle, too."""
    try:
        bundle_mounts(config.agent.bundle)
    except ConfigError as error:
        return [f"note: the daemon will not start here. {error}"]
    return []
