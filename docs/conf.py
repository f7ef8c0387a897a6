"""How the documentation is built: ``tox -e docs``. It needs no network."""

from importlib.metadata import version as version_of

project = "quartapp"
author = "The quartapp maintainers"
copyright = "the quartapp maintainers, ISC licence"  # noqa: A001 - Sphinx's name
release = version = version_of("quartapp")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples", "_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"quartapp {release}"
html_copy_source = False
html_show_sphinx = False
