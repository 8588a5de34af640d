"""Everything that speaks HTTP and WebSocket: to the web server, to sessions, to viewers.

The relay never touches the engine, the store or a template: it speaks to them through ``ports``.
"""
