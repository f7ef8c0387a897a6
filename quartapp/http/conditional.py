"""Conditional requests (RFC 9110, section 13).

A client does not get an answer again that it has already, and does not overwrite a change that it
has not seen. An entity tag is the version of the resource, if the resource has versions, and a hash
of the answer: ``"7-1767863400000.c0ffee"``. Reads compare the whole tag. Writes compare only the
version, in the update of the database: an answer may also show data of other resources, such as
names of people, and a change of these is no reason to refuse a write.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from quart.wrappers import Response
from quart.wrappers.response import DataBody

if TYPE_CHECKING:
    from quart.wrappers import Request

PRECONDITION_FAILED = (HTTPStatus.PRECONDITION_FAILED, "Precondition Failed")
_SEPARATOR = "."
_HASH_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class Versioned:
    """Data of an answer, with the version of the resource that the data shows.

    Attributes:
        data: The value that the view would return without a version.
        version: Version, which changes with each change of the resource; letters, digits, ``-`` and
            ``_``.
    """

    data: Any  # whatever the operation answers
    version: str


def expected_versions(request: Request) -> frozenset[str] | None:
    """Return the versions that ``If-Match`` accepts; None if any version is acceptable.

    Args:
        request: The request.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    tags = request.if_match.as_set(include_weak=False)
    # werkzeug reads an empty tag as None.
    return frozenset(tag.partition(_SEPARATOR)[0] for tag in tags if tag)


async def with_etag(response: Response, version: str | None, request: Request) -> Response:
    """Return a response with its entity tag, or 304 if the client has the response already.

    Args:
        response: The response.
        version: Version of the resource; None for a tag that is a hash of the content alone.
        request: The request, which names the tags that the client has.
    """
    body = response.response
    # Data that is there is read at once; a file, for example, is not.
    content = body.data if isinstance(body, DataBody) else await response.get_data(as_text=False)
    digest = hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]
    tag = digest if version is None else f"{version}{_SEPARATOR}{digest}"
    if request.if_none_match.contains_weak(tag):
        kept = response.headers.get("Cache-Control")
        response = Response(status=HTTPStatus.NOT_MODIFIED)
        del response.headers["Content-Type"]
        if kept is not None:
            response.headers["Cache-Control"] = kept
    response.headers["ETag"] = f'"{tag}"'
    return response
