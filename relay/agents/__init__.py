"""What sessions call, and how they are told things."""
