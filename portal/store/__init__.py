"""What outlives a restart: sign-ins, shares, preferences, links that were used."""
