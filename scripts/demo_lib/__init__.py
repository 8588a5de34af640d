"""The demo: a daemon of its own, one session, and proof that it worked.

``daemon`` runs the daemon, ``web`` speaks to it as a web server would, ``viewer`` looks through the
display, ``leftovers`` says what is still there afterwards, ``__main__`` tells the story.
"""
