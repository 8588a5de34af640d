"""From the X server of a session to a viewer: RFB, tickets, pictures."""
