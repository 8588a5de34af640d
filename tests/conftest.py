"""For all tests: how hypothesis looks for examples.

``fixed`` (the default) tries the same examples each time, so that a change is judged by what it
changes; ``HYPOTHESIS_PROFILE=explore`` looks for new ones, many more of them. Neither has a
deadline: machines are noisy.

What runs in a shell's background has SIGINT ignored, and so have its children: those that
tests send Ctrl-C would not hear it.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
signal.signal(signal.SIGINT, signal.default_int_handler)
