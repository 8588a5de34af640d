"""How the documentation is built: ``scripts/docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
sys.path.insert(0, str(HERE.parent))

from supervisor import __version__  # noqa: E402 found once the path is set

project = "FastX Docker supervisor"
author = "The FastX Docker supervisor's authors"
copyright = author  # noqa: A001 Sphinx's name
version = release = __version__

extensions = ["myst_parser", "openapi_page"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_extensions"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# A document may point into the tree: at a template, a unit, a test.
suppress_warnings = ["myst.xref_missing_download"]

html_theme = "furo"
html_title = f"{project} {release}"
html_show_sourcelink = False
