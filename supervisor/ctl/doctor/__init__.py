"""``fxctl doctor``: what goes wrong in installations, and what to do about it.

``gather_*`` finds out what is so and judges nothing; ``judge_*`` says what that means and asks
nobody; ``checks`` pairs them, ``examination`` runs them, each with a deadline of its own, and
``page`` prints what came of it.
"""
