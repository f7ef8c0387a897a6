"""Who an HTTP request comes from, and what the caller is told when the credentials do not do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from quartapp.http.answers import ApiError
from quartapp.http.csrf import refuse_cross_site
from quartapp.identity.tokens import AccountGoneError, InvalidTokenError

if TYPE_CHECKING:
    from quart.wrappers import Request
    from werkzeug.datastructures import Headers

    from quartapp.identity.principal import Principal
    from quartapp.parts import Core

MISSING_TOKEN = "please send jwt token"  # noqa: S105 - a message
INVALID_TOKEN = "Unauthorized, token missing or invalid"  # noqa: S105 - a message


async def authenticated(parts: Core, request: Request, missing: str = MISSING_TOKEN) -> Principal:
    """Return the principal of an HTTP request.

    Args:
        parts: Of the app; they know tokens, cookies and, through plugins, other credentials.
        request: The request.
        missing: The message for a request without a token.

    Raises:
        ApiError: 401, the token is missing or bad; 403, the token is in a cookie, and another site
            may have made the browser send the request.
        AccountGoneError: The account behind a valid token was deleted.
    """
    token = bearer_token(request.headers)
    if kept := parts.cookies.token(request):
        refuse_cross_site(request)
        token = kept
    try:
        return await parts.authenticate(request, token)
    except AccountGoneError:
        raise
    except InvalidTokenError as error:
        raise unauthorized(missing if token is None else INVALID_TOKEN) from error


def unauthorized(message: str) -> ApiError:
    """Return a 401 with the header that RFC 9110 asks for."""
    return ApiError(
        HTTPStatus.UNAUTHORIZED,
        message,
        headers={"WWW-Authenticate": "Bearer"},
        code=token_code(message),
    )


def token_code(message: str) -> str:
    """Return the code of a 401, which tells no token from a bad one."""
    return "token-missing" if message == MISSING_TOKEN else "token-invalid"


def bearer_token(headers: Headers) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header (RFC 6750), whatever its case.

    Returns:
        The token; None when no token was sent; an empty string when the header is of another form.
    """
    header = headers.get("Authorization", "").strip()
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        return ""
    return token.strip() or None
