"""``Idempotency-Key``: a repeated request is done once, and gets the first answer again.

A key is claimed before the view runs, and the answer is stored beside the claim for a day. Of the
request only an HMAC is stored. When the lease of a claim has run out because its process died, a
retry takes the claim over, and may find changes that the first try has made. So each try gets an
:class:`Attempt`, by which the view recognises such changes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from bson import ObjectId
from mongoengine import (
    BinaryField,
    DateTimeField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)
from pymongo.errors import DuplicateKeyError
from quart.wrappers import Response

from quartapp.database.model import Model
from quartapp.errors import DatabaseUnavailableError
from quartapp.http.answers import ApiError
from quartapp.http.problems import error_response
from quartapp.parts import core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Request

    from quartapp.database.documents import Document

HEADER = "Idempotency-Key"
PATTERN = r"^[\x20-\x7e]{1,255}$"
REPLAYED = "Idempotent-Replayed"
COLLECTION = "idempotency_keys"

LIFETIME = timedelta(hours=24)
LEASE = timedelta(seconds=30)
"""Lease of a claim, longer than any request: hooks and the database have limits of seconds."""
RETRY_AFTER_SECONDS = 1

UNUSABLE = (HTTPStatus.BAD_REQUEST, "Idempotency-Key has to be 1 to 255 printable characters")
RUNNING = (HTTPStatus.CONFLICT, "Request with this Idempotency-Key is still running")
OTHER = (HTTPStatus.UNPROCESSABLE_ENTITY, "Idempotency-Key was used for another request")
CODES = {
    UNUSABLE: "idempotency-key-unusable",
    RUNNING: "idempotency-key-running",
    OTHER: "idempotency-key-reused",
}

_ANSWER = ("status", "headers", "content")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to handle a request.

    A process can be killed after it has stored a change and before it has answered, and a database
    can store a write without confirming it. The client then repeats the request with the same
    ``Idempotency-Key``, and the next try finds the changes of the try before.

    Attributes:
        id: ``_id`` for the document that the request creates; all tries of a request get the same.
        repeated: Whether an earlier try may have made all or some of the changes.
    """

    id: ObjectId = field(default_factory=ObjectId)
    repeated: bool = False


class KeptAnswer(Model):
    """A claimed key, with the answer to its request once there is an answer.

    ``id`` is an HMAC of operation, caller and key, ``request`` an HMAC of the request. ``made`` is
    the id of each :class:`Attempt`.
    """

    id = StringField(primary_key=True)
    request = StringField(required=True)
    made = ObjectIdField()
    owner = ObjectIdField(required=True)
    lease = DateTimeField(required=True)
    expires = DateTimeField(required=True)
    status = IntField()
    headers = ListField()
    content = BinaryField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": COLLECTION,
        "indexes": [{"fields": ["expires"], "expireAfterSeconds": 0}],
    }


async def once(
    operation: str,
    who: str,
    request: Request,
    answer: Callable[[Attempt], Awaitable[Response]],
    *,
    plain_errors: bool,
) -> Response:
    """Answer a request with a key, or repeat the answer of its first try.

    Args:
        operation: The operationId.
        who: The caller, or the network address of a caller who is not signed in.
        request: The request, with its key.
        answer: Function that handles the request in the given attempt.
        plain_errors: Whether errors have no further members, as the operation declares.

    Returns:
        The answer.

    Raises:
        ApiError: The key is unusable, used for another request, or its first request still runs.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    key = request.headers[HEADER]
    if re.fullmatch(PATTERN, key) is None:
        raise refusal(UNUSABLE)
    body = await request.get_data(cache=True, as_text=False)
    claim = _Claim(
        _digest(operation, who, key),
        _digest(request.full_path, request.headers.get("Content-Type", ""), body),
    )
    taken = await claim.take()
    if not isinstance(taken, Attempt):
        return _replayed(taken)
    try:
        response = await answer(taken)
    except ApiError as error:
        response = error_response(error, request, plain=plain_errors)
    except Exception:
        await claim.give_back()
        raise
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        await claim.give_back()
    else:
        await claim.keep(response)
    return response


def refusal(which: tuple[HTTPStatus, str]) -> ApiError:
    """Return the error for one of this module's refusals.

    Args:
        which: Status and message, such as ``RUNNING``.
    """
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if which == RUNNING else None
    return ApiError(*which, headers=headers, code=CODES[which])


class _Claim:
    """The claim of one request to a key."""

    def __init__(self, identifier: str, request: str) -> None:
        self._parts = core()
        self._id = identifier
        self._request = request
        self._owner = ObjectId()

    async def take(self) -> Attempt | Document:
        """Claim the key, and return the attempt; return the stored answer if there is one."""
        now = self._parts.clock.now()
        attempt = Attempt()
        claimed = {"owner": self._owner, "lease": now + LEASE}
        first = {
            "request": self._request,
            "expires": now + LIFETIME,
            "made": attempt.id,
            **claimed,
        }
        keys = self._parts.database.documents[COLLECTION]
        async with self._parts.database.operation():
            try:
                await keys.insert_one({"_id": self._id, **first})
            except DuplicateKeyError:
                pass
            else:
                return attempt
            # MongoDB removes expired documents only once a minute.
            expired = await keys.update_one(
                {"_id": self._id, "expires": {"$lte": now}},
                {"$set": first, "$unset": dict.fromkeys(_ANSWER, "")},
            )
            if expired.matched_count:
                return attempt
            abandoned = await keys.find_one_and_update(
                {
                    "_id": self._id,
                    "request": self._request,
                    "status": None,
                    "lease": {"$lte": now},
                },
                {"$set": claimed},
            )
            if abandoned is not None:
                # Servers of older versions stored no id of the attempt.
                return Attempt(abandoned.get("made", attempt.id), repeated=True)
            return self._checked(await keys.find_one({"_id": self._id}))

    def _checked(self, kept: Document | None) -> Document:
        if kept is None:  # the claim expired at this very moment
            raise refusal(RUNNING)
        if not hmac.compare_digest(kept["request"], self._request):
            raise refusal(OTHER)
        if "status" not in kept:
            raise refusal(RUNNING)
        return kept

    async def keep(self, response: Response) -> None:
        """Store the answer, unless another process has taken the key over."""
        if "Set-Cookie" in response.headers:
            raise TypeError("an answer that signs somebody in must not be kept: not idempotent")
        content: bytes = await response.get_data(as_text=False)
        answer = {
            "status": response.status_code,
            "headers": [list(item) for item in response.headers.items()],
            "content": content,
        }
        # The request is done. Without the stored answer, a retry runs as a further attempt.
        with suppress(DatabaseUnavailableError):
            async with self._parts.database.operation():
                await self._parts.database.documents[COLLECTION].update_one(
                    {"_id": self._id, "owner": self._owner}, {"$set": answer}
                )

    async def give_back(self) -> None:
        """Let a retry run at once, without waiting for the end of the lease.

        The key stays claimed, since a write with an unknown outcome may have happened.
        """
        with suppress(DatabaseUnavailableError):
            async with self._parts.database.operation():
                await self._parts.database.documents[COLLECTION].update_one(
                    {"_id": self._id, "owner": self._owner},
                    {"$set": {"lease": self._parts.clock.now()}},
                )


def _replayed(kept: Document) -> Response:
    response = Response(bytes(kept["content"]), kept["status"])
    response.headers.clear()
    for name, value in kept["headers"]:
        response.headers.add(name, value)
    response.headers[REPLAYED] = "true"
    return response


def _digest(*texts: str | bytes) -> str:
    secret = core().tokens.derived_key("idempotency")
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        # The length before each text keeps texts with the same concatenation apart.
        mac.update(len(data).to_bytes(8, "big") + data)
    return mac.hexdigest()
