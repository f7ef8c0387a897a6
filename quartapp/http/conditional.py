"""Conditional requests (RFC 9110, section 13): what is unchanged is not sent or overwritten.

An entity tag is a version, where the thing has one, and a hash of the answer:
``"7-1767863400000.c0ffee"``. Reads compare the whole tag. Writes compare
versions, within the database's own update: names of people that merely show in an answer are no
reason to refuse a write.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from quart.wrappers import Response

if TYPE_CHECKING:
    from quart.wrappers import Request

PRECONDITION_FAILED = (HTTPStatus.PRECONDITION_FAILED, "Precondition Failed")
_SEPARATOR = "."
_HASH_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class Versioned:
    """Data of an answer, with the version of the thing that the data shows.

    Attributes:
        data: What the view would return without a version.
        version: Changes with each change of the thing; letters, digits, ``-`` and ``_``.
    """

    data: Any  # whatever the operation answers
    version: str


def expected_versions(request: Request) -> frozenset[str] | None:
    """Return the versions of which ``If-Match`` demands one; None when any version will do."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    tags = request.if_match.as_set(include_weak=False)
    # werkzeug reads an empty tag as None.
    return frozenset(tag.partition(_SEPARATOR)[0] for tag in tags if tag)


async def with_etag(response: Response, version: str | None, request: Request) -> Response:
    """Return ``response`` with its entity tag, or a 304 when the client has it already.

    Args:
        response: What would be sent.
        version: The version of the thing; None when only the content tells.
        request: Says which tags the client has.
    """
    content = await response.get_data(as_text=False)
    digest = hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]
    tag = digest if version is None else f"{version}{_SEPARATOR}{digest}"
    if request.if_none_match.contains_weak(tag):
        kept = response.headers.get("Cache-Control")
        response = Response(status=HTTPStatus.NOT_MODIFIED)
        del response.headers["Content-Type"]
        if kept is not None:
            response.headers["Cache-Control"] = kept
    response.set_etag(tag)
    return response
