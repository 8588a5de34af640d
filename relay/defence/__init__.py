"""What bounds hostile sessions."""
