"""What a session is and how it changes: pure, no I/O, no clock, no asyncio."""
