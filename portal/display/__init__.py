"""A browser's WebSocket, carried to the relay as it is."""
