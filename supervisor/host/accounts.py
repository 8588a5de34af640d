"""The passwd and group files a container sees: the image's own, with the session's user in them.

Formats: passwd(5), group(5). The user's entries win over the image's entries of the same name or
number, so that ``id``, ``whoami`` and ``~`` say the truth inside.
"""

from __future__ import annotations

from supervisor.host.identity import Group, Identity

_GID_FIELD = 2
_UID_FIELD = 2


def merge_passwd(image_passwd: str, user: Identity) -> str:
    """The image's passwd file with the user's line first; ``:`` and newlines cannot be smuggled."""
    fields = (user.name, "x", str(user.uid), str(user.gid), user.gecos, user.home, user.shell)
    kept = [
        line
        for line in image_passwd.split("\n")
        if line and not _claims(line, user.name, user.uid, _UID_FIELD)
    ]
    return "\n".join([":".join(map(_field, fields)), *kept]) + "\n"


def merge_group(image_group: str, user: Identity) -> str:
    """The image's group file in which the user's groups have the host's names and numbers."""
    lines = [line for line in image_group.split("\n") if line]
    for group in user.groups:
        lines = [line for line in lines if not _claims(line, group.name, group.gid, _GID_FIELD)]
    return "\n".join([*(_group_line(group, user) for group in user.groups), *lines]) + "\n"


def _group_line(group: Group, user: Identity) -> str:
    member = "" if group.gid == user.gid else _field(user.name)
    return f"{_field(group.name)}:x:{group.gid}:{member}"


def _claims(line: str, name: str, number: int, number_field: int) -> bool:
    """Whether a line of the image's file stands for this name or this number."""
    fields = line.split(":")
    return fields[0] == name or (len(fields) > number_field and fields[number_field] == str(number))


def _field(text: str) -> str:
    return text.replace(":", "_").replace("\n", " ")
