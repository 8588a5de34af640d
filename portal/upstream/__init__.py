"""The relay, as the portal sees it: one client, one event stream for all browsers."""
