"""Signatures by https://www.standardwebhooks.com (specification, "Signature scheme")."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
SHORTEST_KEY, LONGEST_KEY = 24, 64


def key_of(secret: str) -> bytes:
    """Return the key in a secret.

    Args:
        secret: ``whsec_`` and 24 to 64 bytes as base64.

    Raises:
        ValueError: The secret has another form; the message does not repeat it.
    """
    advice = "make one with: echo whsec_$(openssl rand -base64 32)"
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"must begin with {SECRET_PREFIX}; {advice}")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"must be base64 after {SECRET_PREFIX}; {advice}") from None
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ValueError(
            f"must hold {SHORTEST_KEY} to {LONGEST_KEY} bytes, has {len(key)}; {advice}"
        )
    return key


def signed_headers(
    keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three headers of an attempt.

    Args:
        keys: Keys; each makes one signature.
        message_id: Id of the message, the same at every attempt.
        timestamp: Time of the attempt, in seconds since the epoch.
        body: The bytes that are sent.
    """
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
