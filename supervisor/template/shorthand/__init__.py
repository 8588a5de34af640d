"""Compose's short forms, written out before anything is filled in.

``- ${user.home}/data:/data:ro`` is split at the colons of the template, never at those of a value:
a value can therefore not add a mount, an option, a port or a variable. What has no known short form
is passed on for the schema to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor.template.schema.head import head_keys
from supervisor.template.shorthand.commands import command_line, healthcheck
from supervisor.template.shorthand.lists import one_or_many, pairs
from supervisor.template.shorthand.mounts import tmpfs_mounts, volumes
from supervisor.template.shorthand.network import extra_hosts, networks, ports
from supervisor.template.shorthand.resources import devices, gpus, ulimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisor.template.document import Document, Tree
    from supervisor.template.errors import Loc

_LONG_FORMS: Mapping[str, Callable[[Document, Tree, Loc], Tree]] = {
    "command": command_line,
    "entrypoint": command_line,
    "healthcheck": healthcheck,
    "environment": pairs,
    "labels": pairs,
    "sysctls": pairs,
    "storage_opt": pairs,
    "volumes": volumes,
    "tmpfs": tmpfs_mounts,
    "networks": networks,
    "ports": ports,
    "extra_hosts": extra_hosts,
    "dns": one_or_many,
    "dns_search": one_or_many,
    "dns_opt": one_or_many,
    "expose": one_or_many,
    "group_add": one_or_many,
    "devices": devices,
    "gpus": gpus,
    "ulimits": ulimits,
}


def written_out(document: Document) -> dict[str, Tree]:
    """Give the container's keys with every short form written out. Faults go to the document.

    A key without a value counts as not written, as an editor commenting out a list leaves it.
    """
    tree: dict[str, Tree] = {}
    for key, value in document.root.items():
        if key in head_keys() or value is None:
            continue
        long_form = _LONG_FORMS.get(key)
        tree[key] = long_form(document, value, (key,)) if long_form else value
    return tree
