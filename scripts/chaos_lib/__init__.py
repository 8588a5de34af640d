"""Chaos: the real faults, against a real daemon, a real engine and real agents, judged afterwards.

plan            what a round does, drawn from the seed before it begins
private_engine  an engine of its own that may be killed; ``processes``: what is left of one
stage           engine, daemon, readers and bystanders: what every round and fault is played on
ledger          what was asked for; ``web``: the web server that asks; ``act``: one session's part
reader          the event stream as a web server follows it; ``history``: what it was told
witness         what the engine itself says happened to each container
judge           ledger, API, history and engine held against each other
rounds          the core: many sessions while the daemon is killed at random
faults          one fault each, with the ends that are right after it
tally           violations counted and shown
"""
