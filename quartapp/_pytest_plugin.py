"""Loads the fixtures of :mod:`quartapp.testing` into pytest where they can work, and nothing else.

pytest loads this wherever quartapp is installed, also for tests that have nothing to do with it.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("pytest_asyncio") is not None:
    pytest_plugins = ["quartapp.testing.fixtures", "quartapp.testing.contract"]
