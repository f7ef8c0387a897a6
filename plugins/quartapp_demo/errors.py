from __future__ import annotations

from quartapp import QuartappError


class DemoError(QuartappError):
    """The demo cannot go on: what it needs is missing, or what it saw is not what was promised."""
