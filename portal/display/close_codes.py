"""With what displays are closed: the relay's codes, and one of the portal's own."""

SUSPENDED = 4002
REVOKED = 4003
SIGNED_OUT = 4401
GOING_AWAY = 1001
