"""A browser's WebSocket, brought to the relay: handed over, or carried as it is."""
