"""What administrators may write, as JSON Schema: editors complete by it and explain the keys.

The schemas come of the models that the files are judged by, descriptions of the docstrings of their
fields. ``scripts/reference`` writes them, and the pages made of them, into the tree.
"""
