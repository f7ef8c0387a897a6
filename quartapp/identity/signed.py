"""Signed state: what a browser carries away and brings back soon, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.errors import DomainError
from quartapp.identity.tokens import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quartapp.identity.tokens import Tokens


class InvalidSealError(DomainError):
    """A sealed text that is forged, malformed, too old, or made for another purpose."""


class Signed:
    """Seals data that leaves the server and comes back, as in a browser sign-on.

    A sealed text is signed, and not encrypted: whoever has the text can read the data. The text
    can be opened more than once, on every server that has the same secret. A sign-on keeps the
    text, or a part of the data, in a cookie too, so that it is worth nothing in another browser.

    Args:
        tokens: The tokens of the app, whose secret the keys are derived from.
        clock: Decides when a sealed text is too old.
    """

    def __init__(self, tokens: Tokens, clock: Clock = SYSTEM_CLOCK) -> None:
        self._tokens = tokens
        self._time = clock.time

    def seal(self, purpose: str, data: Mapping[str, Any], seconds: float) -> str:
        """Sign data for a short time.

        Args:
            purpose: What the data is for, such as ``"oidc state"``. Only the same purpose opens it.
            data: What JSON can say.
            seconds: How long the sealed text can be opened.

        Returns:
            A text of letters, digits, ``-``, ``_`` and ``.``, which fits into an address or a
            cookie.

        Raises:
            TypeError: JSON cannot say the data.
        """
        payload = {"data": dict(data), "exp": self._time() + seconds}
        return jwt.encode(payload, self._key(purpose), algorithm=ALGORITHM)

    def open(self, purpose: str, sealed: str) -> dict[str, Any]:
        """Return the data of a sealed text.

        Args:
            purpose: The purpose that the data was sealed for.
            sealed: The text, as it came back.

        Raises:
            InvalidSealError: The text is forged, malformed, too old, or made for another purpose.
        """
        try:
            payload = jwt.decode(
                sealed,
                self._key(purpose),
                algorithms=[ALGORITHM],
                # PyJWT asks the system for the time; this server's clock is asked below instead.
                options={"require": ["data", "exp"], "verify_exp": False},
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise InvalidSealError("the sealed text is not one of this purpose") from error
        if payload["exp"] <= self._time():
            raise InvalidSealError("the sealed text is too old")
        data: dict[str, Any] = payload["data"]
        return data

    def _key(self, purpose: str) -> bytes:
        # The prefix keeps any purpose of a plugin apart from the core's own keys.
        return self._tokens.derived_key(f"signed {purpose}")
