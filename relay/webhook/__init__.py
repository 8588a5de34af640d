"""Events posted to the web server: at least once, in order per session."""
