"""Answers of files and documents, compressed for clients that accept it.

Only what everybody may read comes compressed. The length of a compressed answer with a secret in it
would tell about the secret.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quart.wrappers import Response

if TYPE_CHECKING:
    from quart.wrappers import Request

CODING = "gzip"


@dataclass(frozen=True, slots=True)
class Compressed:
    """Content in both forms.

    Attributes:
        plain: The content.
        smaller: The content after gzip.
        media_type: Media type of the content.
    """

    plain: bytes
    smaller: bytes
    media_type: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Compressed:
        """Compress content; this takes a noticeable time for large content."""
        return cls(content, gzip.compress(content, mtime=0), media_type)

    def response(self, request: Request) -> Response:
        """Return the answer in the form that the client accepts (RFC 9110, section 12.5.3)."""
        accepted = request.accept_encodings.quality(CODING) > 0
        response = Response(self.smaller if accepted else self.plain, content_type=self.media_type)
        response.headers["Vary"] = "Accept-Encoding"
        if accepted:
            response.headers["Content-Encoding"] = CODING
        return response
