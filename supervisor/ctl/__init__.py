"""``fxctl``: what administrators type. A client of the web server's socket, like any other.

    app ── options ── commands: start, listing, steering, watching, local_render, launch
                          │
                  client ── sse            the wire: requests, problems, event stream
                  follow ── wishes, ids    what several commands share
                  tables ── screen, text   what a person sees

Only ``app``, ``options``, ``errors`` and ``text`` are imported before it is known which command
runs: HTTP, terminal and template libraries cost more time than most commands.
"""
