"""Who may read the metrics: this machine, and whoever has the token for them."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from quartapp.http.authentication import bearer_token
from quartapp.settings.reach import is_loopback

if TYPE_CHECKING:
    from pydantic import SecretStr
    from quart.wrappers import Request

# A proxy on this machine asks for others, also a proxy that the settings do not name.
_OF_PROXIES = ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP")


def may_read_metrics(request: Request, token: SecretStr | None) -> bool:
    """Tell whether a request may read the metrics.

    Args:
        request: The request.
        token: Token for the metrics; None if only this machine may read them.
    """
    if _is_from_here(request):
        return True
    given = bearer_token(request.headers)
    if token is None or not given:
        return False
    return hmac.compare_digest(given.encode(), token.get_secret_value().encode())


def _is_from_here(request: Request) -> bool:
    if any(name in request.headers for name in _OF_PROXIES):
        return False
    return is_loopback(request.remote_addr or "")
