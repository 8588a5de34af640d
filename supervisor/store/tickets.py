"""Tickets of sessions that are there, for the relay to find again after a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from supervisor.lifecycle.session import SessionId, Timestamp
from supervisor.lifecycle.tickets import KeptTicket, Mode, Ticket


def load_tickets(connection: sqlite3.Connection, now: Timestamp) -> Sequence[KeptTicket]:
    """Every ticket that can still admit somebody."""
    drop_expired(connection, now)
    rows = connection.execute("SELECT key, session_id, mode, guest, expires_at, uses FROM tickets")
    return [
        KeptTicket(Ticket(key, SessionId(session_id), Mode(mode), guest, expires_at), uses)
        for key, session_id, mode, guest, expires_at, uses in rows
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
        "INSERT INTO tickets (key, session_id, mode, guest, expires_at, uses) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET uses = excluded.uses",
        (
            ticket.key,
            ticket.session_id,
            ticket.mode.value,
            ticket.guest,
            ticket.expires_at,
            kept.uses,
        ),
    )


def drop_tickets(connection: sqlite3.Connection, session_id: SessionId) -> None:
    """Forget the session's tickets."""
    connection.execute("DELETE FROM tickets WHERE session_id = ?", (session_id,))
