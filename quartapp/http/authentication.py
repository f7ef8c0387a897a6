"""The principal of an HTTP request, and the answer to missing or bad credentials."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from quartapp.http.answers import ApiError
from quartapp.http.browsers.csrf import refuse_cross_site
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
        parts: Parts of the app, which check tokens, cookies and, by plugins, other credentials.
        request: The request.
        missing: Message of the answer to a request without a token.

    Raises:
        ApiError: 401 for a missing or bad token; 403 for a token in a cookie, if another site may
            have made the browser send the request.
        AccountGoneError: The token is valid, but its account was deleted.
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
    """Return an answer 401 with the header that RFC 9110 demands.

    Args:
        message: The string under ``error``.
    """
    return ApiError(
        HTTPStatus.UNAUTHORIZED,
        message,
        headers={"WWW-Authenticate": "Bearer"},
        code=token_code(message),
    )


def token_code(message: str) -> str:
    """Return the code of an answer 401, which tells a missing token from a bad token.

    Args:
        message: The string under ``error``.
    """
    return "token-missing" if message == MISSING_TOKEN else "token-invalid"


def bearer_token(headers: Headers) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header (RFC 6750).

    The case of ``Bearer`` does not matter.

    Args:
        headers: Headers of the request.

    Returns:
        The token; None if no token was sent; an empty string if the header has another form.
    """
    header = headers.get("Authorization", "").strip()
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        return ""
    return token.strip() or None
