"""What survives the daemon: sessions and the outbox, in one SQLite file."""
