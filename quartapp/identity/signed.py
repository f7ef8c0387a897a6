"""Sealed texts: signed data that a browser keeps for a short time and returns unchanged."""

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
    """A sealed text that is forged, malformed, too old, or sealed for another purpose."""


class Signed:
    """Seals data that leaves the server and comes back, as in a browser sign-on.

    A sealed text is signed, and not encrypted: everybody with the text can read the data. The text
    can be opened more than once, on every server with the same secret. A sign-on therefore keeps
    the text, or a part of the data, in a cookie too, so that another browser cannot use the text.

    Args:
        tokens: The tokens of the app; all keys are derived from their secret.
        clock: Clock that decides when a sealed text is too old.
    """

    def __init__(self, tokens: Tokens, clock: Clock = SYSTEM_CLOCK) -> None:
        self._tokens = tokens
        self._time = clock.time

    def seal(self, purpose: str, data: Mapping[str, Any], seconds: float) -> str:
        """Sign data for a short time.

        Args:
            purpose: Purpose of the data, such as ``"oidc state"``. Only the same purpose opens
                the text.
            data: Data that JSON can express.
            seconds: Lifetime of the sealed text, in seconds.

        Returns:
            A text of letters, digits, ``-``, ``_`` and ``.``, which fits into an address or a
            cookie.

        Raises:
            TypeError: JSON cannot express the data.
        """
        payload = {"data": dict(data), "exp": self._time() + seconds}
        return jwt.encode(payload, self._tokens.derived_key(_named(purpose)), algorithm=ALGORITHM)

    def open(self, purpose: str, sealed: str) -> dict[str, Any]:
        """Return the data of a sealed text.

        Args:
            purpose: The purpose that the data was sealed for.
            sealed: The text that came back.

        Raises:
            InvalidSealError: The text is forged, malformed, too old, or sealed for another
                purpose.
        """
        payload = self._payload(purpose, sealed)
        if payload["exp"] <= self._time():
            raise InvalidSealError("the sealed text is too old")
        data: dict[str, Any] = payload["data"]
        return data

    def _payload(self, purpose: str, sealed: str) -> dict[str, Any]:
        refused: Exception | None = None
        for key in self._tokens.derived_keys(_named(purpose)):
            try:
                payload: dict[str, Any] = jwt.decode(
                    sealed,
                    key,
                    algorithms=[ALGORITHM],
                    # PyJWT asks the system for the time; `open` asks this server's clock instead.
                    options={"require": ["data", "exp"], "verify_exp": False},
                )
            except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
                refused = error
            else:
                return payload
        raise InvalidSealError("the sealed text is not one of this purpose") from refused


def _named(purpose: str) -> str:
    # The prefix keeps any purpose of a plugin apart from the core's own keys.
    return f"signed {purpose}"
