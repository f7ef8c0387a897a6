"""Loads the fixtures of :mod:`quartapp.testing` into pytest where they can work, and nothing else.

pytest loads this wherever quartapp is installed, also for tests that have nothing to do with it.
"""

from __future__ import annotations

from importlib.util import find_spec

# Of the extra "contract": what the fixtures import.
if all(find_spec(name) for name in ("httpx", "pytest_asyncio", "websockets")):
    pytest_plugins = ["quartapp.testing.fixtures", "quartapp.testing.contract"]
