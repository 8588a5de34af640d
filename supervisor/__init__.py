"""The session supervisor: turns "start this user a session" into a container, to its end."""

__version__ = "0.1.0"
