"""References of clients' frames: what was applied once is answered, and not applied again.

The update that applies a frame stores its reference in the session's document. So the reference is
there exactly when the change is, whichever process dies, and goes with the session.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp import answering
from quartapp_attendance.errors import TooManyReferencesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quartapp import Document

# About three megabytes of a document, of which MongoDB takes sixteen: seven frames for each of
# 3,000 students. Each update of the session copies the document in the database's memory.
MOST_REFERENCES = 20_000
REFERENCES_PREFIX = "refs."
KEY_BYTES = 12


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference of a frame.

    Attributes:
        connection_id: Id of the connection that sent the frame.
        key: Name of the reference in the session's document, unique for account and reference.
        ref: The reference.
    """

    connection_id: str
    key: str
    ref: str

    @property
    def answered(self) -> Document:
        """The members of an entry that tell whose copy of the broadcast has the reference."""
        return {"from": self.connection_id, "ref": self.ref}


class AppliedError(Exception):
    """The end of a use case whose frame was applied before.

    Args:
        seq: Number under which the frame was applied.
        entry: What was applied.
    """

    def __init__(self, seq: int, entry: Document) -> None:
        super().__init__(seq)
        self.seq = seq
        self.entry = entry


@contextmanager
def claimed() -> Iterator[Reference | None]:
    """Take the reference of the frame that the caller handles, for one change.

    Yields:
        The reference; None for a frame without one, or when another change has taken it.
    """
    frame = answering()
    if frame is None or frame.claimed:
        yield None
        return
    frame.claimed = True
    connection = frame.connection
    digest = hashlib.blake2b(
        f"{connection.principal.id}\0{frame.ref}".encode(), digest_size=KEY_BYTES
    )
    try:
        yield Reference(connection.id, digest.hexdigest(), frame.ref)
    except BaseException:
        # Refused references are not kept. The same frame may be tried in another session.
        frame.claimed = False
        raise


def not_applied(reference: Reference) -> Document:
    """Return the term of a filter that holds while a reference is not applied."""
    return {REFERENCES_PREFIX + reference.key: {"$exists": False}}


def unapplied(references: Iterable[Reference]) -> Document:
    """Return the terms of a filter that hold while no reference is applied, and all have room."""
    terms: Document = {}
    for reference in references:
        terms |= not_applied(reference)
    if terms:
        terms["refCount"] = {"$not": {"$gt": MOST_REFERENCES - len(terms)}}
    return terms


def counted(number: int) -> Document:
    """Return the expression for the amount of references after an update."""
    return {"$add": [{"$ifNull": ["$refCount", 0]}, number]}


def check_applied(reference: Reference, document: Document, before: int = 0) -> None:
    """Find out why the terms of a reference do not hold.

    Args:
        reference: The reference.
        document: The session, with the fields ``refs`` and ``refCount``.
        before: Number of references before this one that the same update is to keep.

    Raises:
        AppliedError: The frame was applied before.
        TooManyReferencesError: The session keeps as many references as it may.
    """
    applied = document.get("refs", {}).get(reference.key)
    if applied is not None:
        raise AppliedError(applied["seq"], applied["entry"])
    if document.get("refCount", 0) + before >= MOST_REFERENCES:
        raise TooManyReferencesError
