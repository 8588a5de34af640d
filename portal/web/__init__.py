"""HTTP as browsers speak it: who asks, from where, pages, and what every answer carries."""
