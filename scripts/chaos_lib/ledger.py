"""What a web server has asked for, what it was answered, and so: which ends are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scripts.chaos_lib.history import Wire


@dataclass(slots=True, eq=False)
class Record:
    """One session as its web server remembers it."""

    key: str
    """Its Idempotency-Key."""
    request: Wire
    """The body of its start."""
    id: str | None = None
    """Known once a start was answered."""
    attempts: int = 0
    wish: str | None = None
    """The phase that was asked for last, and answered: ``running`` or ``suspended``."""
    must_end: bool = False
    """An end was asked for and answered, or the command ends by itself."""
    must_go: bool = False
    """A purge was asked for and answered."""
    ends: set[str] = field(default_factory=set)
    """The reasons that are right for it; none: it may not end."""
    exit_code: int | None = None
    """Of a command that ends by itself."""
    freezes: bool = False
    container_id: str | None = None
    """The first that was seen of it."""
    is_key_lost: bool = False
    """With the database: a start that is repeated with it is another session."""
    may_restart: bool = False
    """Its start may have been lost with the engine, and been repeated."""

    def may_end(self, *reasons: str) -> None:
        """From now on these are right."""
        self.ends.update(reasons)

    @property
    def is_safe(self) -> bool:
        """Whether nothing may end it."""
        return not self.ends


class Ledger:
    """All that was ever asked for of one daemon."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def open(self, record: Record) -> Record:
        """Enter a session before anything is asked."""
        self._records[record.key] = record
        return record

    def close(self, record: Record) -> None:
        """Nothing of it is there any more, and that was found to be so."""
        del self._records[record.key]

    def by_id(self) -> dict[str, Record]:
        """Those whose id is known."""
        return {record.id: record for record in self if record.id is not None}
