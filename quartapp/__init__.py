"""quartapp: a live attendance server, and a framework for making one's own."""

from importlib.metadata import version

__version__ = version("quartapp")
