"""Facts in, decisions committed, effects out: one mailbox and one writer per session."""
