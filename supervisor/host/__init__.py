"""What the daemon takes from the host it runs on: users, and files for sessions."""
