"""What may stand in a template: pydantic models of its sections, all keys known, no others.

Short forms are written out before (``supervisor.template.shorthand``), so each model describes one
shape. At load the leaves that hold placeholders are ``Text`` and judged later; at render they are
plain values.
"""
