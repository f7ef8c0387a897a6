from __future__ import annotations

from quartapp import QuartappError


class DemoError(QuartappError):
    """The demo cannot continue: a requirement is missing, or the server breaks a promise."""
