"""quartapp: the core of live servers that are made of plugins."""

from importlib.metadata import version

__version__ = version("quartapp")
