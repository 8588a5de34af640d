"""Which images may be used: globs on whole references, the registry apart from the rest."""

from __future__ import annotations

from fnmatch import fnmatchcase

from supervisor.engine.registry_names import full_reference


def is_allowed(reference: str, globs: tuple[str, ...]) -> bool:
    """Whether one of the globs matches.

    Both sides are whole: ``debian`` is ``docker.io/library/debian:latest``. The registry is matched
    by itself, so that ``registry.example.com*/x`` is no trap; ``@sha256:...`` pins a digest.
    """
    registry, _, rest = _whole(reference).partition("/")
    for glob in globs:
        if glob == "*":
            return True
        wanted, _, pattern = _whole_glob(glob).partition("/")
        if fnmatchcase(registry, wanted) and fnmatchcase(rest, pattern):
            return True
    return False


def _whole(reference: str) -> str:
    full = full_reference(reference)
    name = full.rpartition("/")[2]
    return full if "@" in full or ":" in name else f"{full}:latest"


def _whole_glob(glob: str) -> str:
    """A glob without a tag matches any tag and digest; ``*/`` in front, any registry."""
    first, slash, _ = glob.partition("/")
    full = glob if slash and "*" in first else full_reference(glob)
    name = full.rpartition("/")[2]
    return full if "@" in full or ":" in name or name.endswith("*") else f"{full}[:@]*"
