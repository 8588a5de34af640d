"""What the portal's pages call."""
