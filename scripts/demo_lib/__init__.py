"""The demo: a daemon and a portal of its own, for a person to look at, or to prove that it works.

``daemon`` runs the daemon, ``stay`` hands it to a person, ``check`` is the proof: ``visitor`` calls
the portal as its pages do, ``web`` follows what the daemon tells, ``viewer`` looks through the
display, ``leftovers`` says what is still there afterwards. ``__main__`` begins.
"""
