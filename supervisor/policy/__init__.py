"""What a rendered container may be: the host's policy, judged on the very body the engine gets.

rules       what an administrator has written under ``policy:`` in supervisor.yaml
judge       a body against the rules: every breach, with the key that would allow it
mounts      where mounts may come from; paths are resolved, links and all
defaults    limits for what a template leaves open
"""
