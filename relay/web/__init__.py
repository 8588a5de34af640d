"""What the web server calls."""
