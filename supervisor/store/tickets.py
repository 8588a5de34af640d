"""Tickets of sessions that are there, for the relay to find again after a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from supervisor.lifecycle.session import SessionId, Timestamp
from supervisor.lifecycle.tickets import KeptTicket, Mode, Ticket


def load_tickets(connection: sqlite3.Connection, now: Timestamp) -> Sequence[KeptTicket]:
    """Every ticket that can still admit somebody."""
    drop_expired(connection, now)
    rows = connection.execute(
        "SELECT key, session_id, mode, guest, expires_at, label, uses FROM tickets"
    )
    return [
        KeptTicket(Ticket(key, SessionId(session_id), Mode(mode), guest, expires_at, label), uses)
        for key, session_id, mode, guest, expires_at, label, uses in rows
    ]


def drop_expired(connection: sqlite3.Connection, now: Timestamp) -> None:
    """Forget tickets past their time."""
    connection.execute("DELETE FROM tickets WHERE expires_at <= ?", (now,))


def keep_ticket(connection: sqlite3.Connection, kept: KeptTicket) -> None:
    """Write the ticket with its uses, or forget one that has none left."""
    ticket = kept.ticket
    if kept.uses == 0:
        connection.execute("DELETE FROM tickets WHERE key = ?", (ticket.key,))
        return
    connection.execute(
        "INSERT INTO tickets (key, session_id, mode, guest, expires_at, label, uses) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET uses = excluded.uses",
        (
            ticket.key,
            ticket.session_id,
            ticket.mode.value,
            ticket.guest,
            ticket.expires_at,
            ticket.label,
            kept.uses,
        ),
    )


def drop_tickets(
    connection: sqlite3.Connection, session_id: SessionId, label: str | None = None
) -> None:
    """Forget the session's tickets, or those with this label."""
    connection.execute(
        "DELETE FROM tickets WHERE session_id = ? AND (? IS NULL OR label = ?)",
        (session_id, label, label),
    )
