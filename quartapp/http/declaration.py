"""Declarations of routes: what the contract promises, and the answer to each error."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from quartapp.errors import DomainError
from quartapp.http.answers import RETRY_AFTER_SECONDS, ApiError, FieldError
from quartapp.http.authentication import INVALID_TOKEN, MISSING_TOKEN, token_code
from quartapp.http.browsers.csrf import CROSS_SITE
from quartapp.http.conditional import PRECONDITION_FAILED
from quartapp.http.idempotency import CODES
from quartapp.http.problems import code_of
from quartapp.identity.access import Access
from quartapp.kinds import (
    MAPPING,
    MODEL,
    TEXT,
    TRUTH,
    WHOLE,
    Kind,
    a,
    check,
    check_all,
    optional,
    several,
    subclass,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import BaseModel

MAX_BODY_BYTES = 64 * 1024
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a domain error.

    Attributes:
        status: HTTP status code.
        message: The string under ``error``.
        also_as: Name of a second field that repeats the message; None for no second field.
        code: Stable name of the error for programs, in kebab-case; None derives the name from the
            message.
        explained: Whether the answer may say more in ``reason``.
        field: Name of the field of the body that caused the refusal, which the answer then lists in
            ``errors``; None for a refusal that is about no single field.
        current: Type of the member ``current`` of the answer, which shows the state that the
            request did not expect; the value is ``details["current"]`` of the error. None for an
            answer without the member.
    """

    status: int
    message: str
    also_as: str | None = None
    code: str | None = None
    explained: bool = False
    field: str | None = None
    current: Any = None  # a type, also one like User | None, which has no narrower name

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(
            self,
            status=WHOLE,
            message=TEXT,
            also_as=optional(TEXT),
            code=optional(TEXT),
            explained=TRUTH,
            field=optional(TEXT),
        )

    @property
    def stable_code(self) -> str:
        """The name of the error for programs."""
        return self.code or code_of(self.message)

    def raised_by(self, error: Exception, fields: Sequence[FieldError] = ()) -> ApiError:
        """Return the error that ends the request with this answer.

        Args:
            error: The cause of the refusal.
            fields: Errors of the fields of an invalid request; empty for the field of the refusal.
        """
        extra: dict[str, object] = {self.also_as: self.message} if self.also_as else {}
        if self.current is not None and isinstance(error, DomainError):
            extra["current"] = error.details.get("current")
        answer = ApiError(
            self.status,
            self.message,
            headers=_retry_after(self.status, error),
            extra=extra,
            code=self.code,
            fields=fields or self._own_field(),
        )
        answer.__cause__ = error
        return answer

    def _own_field(self) -> list[FieldError]:
        if self.field is None:
            return []
        return [FieldError(field=self.field, code=self.stable_code, message=self.message)]


def _retry_after(status: int, error: Exception) -> dict[str, str] | None:
    seconds = error.retry_after if isinstance(error, DomainError) else None
    if seconds is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = RETRY_AFTER_SECONDS  # documents promise the header at this status
    # RFC 9110 has whole seconds; a fraction less would let clients come too early.
    return None if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Everything that the contract promises about one route.

    Attributes:
        id: The operationId, unique in the app.
        access: The callers who may use the operation.
        tags: Groups of the document that list the operation.
        status: Status of success.
        data: Type of the value under ``key``.
        key: Field of the envelope that carries the data; None if the data is the whole body.
        media_type: Media type of the answer. For another type than JSON, the view returns text or a
            response.
        body: Model of the JSON body.
        body_required: Whether the body has to be sent. An optional body that is empty counts as
            ``{}``.
        form: Model of the form of a page, URL-encoded or multipart. The view gets ``form`` and
            ``errors``. The answer to an invalid form is ``invalid``. Without ``invalid``, the view
            gets None and a list of :class:`FieldError`, and shows the form again; the status is
            then 422, unless the view returns a response.
        max_body: Largest size of a body or form, in bytes; the answer to a larger one is 413.
        query: Model of the query string.
        invalid: Answer to an invalid body, form or query.
        errors: The answer, or the possible answers, to each domain error.
        database: Whether the operation can answer 503.
        documented: Whether the operation is in the OpenAPI document, so that clients may rely on
            it. Parts of a page are in no document.
        action: Name of the operation for ``authorize``; None for ``id``. A route of a dialect names
            the corresponding base operation, so that policies apply to the dialect too.
        policies: Whether plugins may refuse the operation by ``authorize``. False for the health of
            the server, metrics and documents.
        refused_by: Further hooks in which plugins may refuse the operation with a message of their
            own, each with the status of that answer.
        missing_token: Message of the answer to a caller without a token.
        plain_errors: Whether errors have only ``success`` and ``error``, for clients that were
            promised no other field.
        page: Whether the operation is a page for browsers, whose answers and refusals are HTML.
        cross_site: Whether pages of other sites may make a browser send the form, as a sign-on by
            another system does (``response_mode=form_post``). The view then needs another proof
            that the user has asked for the form, such as a sealed ``state``.
        redirects: Whether the operation can answer 303, which leads a browser to another path
            (:func:`see_other`).
        idempotent: Whether a request may carry ``Idempotency-Key``. Such a request takes effect
            once, even if it is sent several times within a day, and each time gets the first
            answer. Not for answers with tokens. A view with an argument ``attempt`` gets an
            :class:`Attempt`, which helps to find the effect of a try that ended before its answer.
        etag: Whether answers have an entity tag, and clients that have the answer get 304. The view
            may return :class:`Versioned` data.
        if_match: Whether a request may carry ``If-Match``. The view gets ``expected``: the versions
            that the caller accepts, or None for any. The write checks the version, and raises
            :class:`PreconditionFailedError` for the answer 412.
        cursor: Member of an entry whose value goes into ``after``. Where the query has ``limit``
            and ``after``, each page but the last names the next one in ``Link`` (RFC 8288). None
            for a list whose pages have no addresses.
        page_size: Number of entries of a page without ``limit``, and of the smallest page that a
            larger ``limit`` may get.
        fuzz: Whether the contract's fuzz calls the operation. False where generated requests make
            no sense, as for a redirect to another site, or a link that works once.
        why: The reason why the operation is not fuzzed, which every run of the contract lists.
            Required with ``fuzz=False``, and only there.
    """

    id: str
    access: Access
    tags: tuple[str, ...]
    data: Any  # a type, also one like list[User], which has no narrower name
    status: int = HTTPStatus.OK
    key: str | None = "data"
    media_type: str = "application/json"
    body: type[BaseModel] | None = None
    body_required: bool = True
    form: type[BaseModel] | None = None
    max_body: int = MAX_BODY_BYTES
    query: type[BaseModel] | None = None
    invalid: Refusal | None = None
    errors: Mapping[type[DomainError], Refusal | tuple[Refusal, ...]] = field(default_factory=dict)
    database: bool = True
    documented: bool = True
    action: str | None = None
    policies: bool = True
    refused_by: Mapping[str, int] = field(default_factory=dict)
    missing_token: str = MISSING_TOKEN
    plain_errors: bool = False
    page: bool = False
    cross_site: bool = False
    redirects: bool = False
    idempotent: bool = False
    etag: bool = False
    if_match: bool = False
    cursor: str | None = "_id"
    page_size: int = 100
    fuzz: bool = True
    why: str | None = None

    def __post_init__(self) -> None:
        """Refuse attributes of other types, and attributes that contradict each other.

        Raises:
            TypeError: An attribute has another type. Or the operation has a body and a form. Or it
                is a page and idempotent, although stored refusals are JSON. Or other sites may
                send a form of signed-in people.
        """
        check_all(self, **_KINDS)
        for error, answers in self.errors.items():
            check(f"operation {self.id}: a key of errors", error, _ERROR)
            check(f"operation {self.id}: the answer to {error.__name__}", answers, _ANSWERS)
        if self.body is not None and self.form is not None:
            raise TypeError(f"operation {self.id} has a body or a form, not both")
        if self.page and self.idempotent:
            raise TypeError(f"operation {self.id} is a page, so it cannot be idempotent")
        if self.cross_site and self.access.signed_in:
            raise TypeError(f"operation {self.id} is for signed-in people, so never cross-site")
        if self.page:
            object.__setattr__(self, "media_type", HTML)

    @property
    def is_for_browsers(self) -> bool:
        """Whether browsers send the requests by themselves, without a script."""
        return self.page or self.form is not None

    def refusals(self) -> dict[int, list[Refusal]]:
        """Return all refusals of this operation, by status."""
        return _refusals_of(self)


_REFUSAL = a(Refusal, "a Refusal")
_ERROR = subclass(DomainError, "a subclass of DomainError")
_ANSWERS = Kind(
    "a Refusal or a tuple of Refusals",
    lambda value: (
        _REFUSAL.fits(value) or (isinstance(value, tuple) and several(_REFUSAL).fits(value))
    ),
)
_KINDS = {
    "id": TEXT,
    "access": a(Access, "an Access, such as PUBLIC, SIGNED_IN or role(...)"),
    "tags": several(TEXT),
    "status": WHOLE,
    "key": optional(TEXT),
    "media_type": TEXT,
    "body": optional(MODEL),
    "form": optional(MODEL),
    "max_body": WHOLE,
    "query": optional(MODEL),
    "invalid": optional(_REFUSAL),
    "errors": MAPPING,
    "action": optional(TEXT),
    "cursor": optional(TEXT),
    "page_size": WHOLE,
    "refused_by": MAPPING,
    "missing_token": TEXT,
    "why": optional(TEXT),
    "body_required": TRUTH,
    "database": TRUTH,
    "documented": TRUTH,
    "policies": TRUTH,
    "plain_errors": TRUTH,
    "page": TRUTH,
    "cross_site": TRUTH,
    "redirects": TRUTH,
    "idempotent": TRUTH,
    "etag": TRUTH,
    "if_match": TRUTH,
    "fuzz": TRUTH,
}


def _refusals_of(operation: Declaration) -> dict[int, list[Refusal]]:
    found: dict[int, list[Refusal]] = defaultdict(list)
    for refusal in (
        *_of_callers(operation),
        *_of_input(operation),
        *_of_view(operation),
        Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"),
    ):
        if refusal not in found[refusal.status]:
            found[refusal.status].append(refusal)
    return found


def _of_callers(operation: Declaration) -> Iterator[Refusal]:
    if operation.access.signed_in:
        for message in (operation.missing_token, INVALID_TOKEN):
            yield Refusal(HTTPStatus.UNAUTHORIZED, message, code=token_code(message))
    if operation.access.role is not None:
        yield Refusal(HTTPStatus.FORBIDDEN, operation.access.refusal)
    if operation.form is not None and not operation.cross_site:
        yield Refusal(HTTPStatus.FORBIDDEN, CROSS_SITE)


def _of_input(operation: Declaration) -> Iterator[Refusal]:
    if operation.invalid is not None:
        yield operation.invalid
    if operation.body is not None or operation.form is not None:
        yield Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Payload Too Large")
    if operation.if_match:
        yield Refusal(*PRECONDITION_FAILED)
    if operation.idempotent:
        for (status, message), code in CODES.items():
            yield Refusal(status, message, code=code)


def _of_view(operation: Declaration) -> Iterator[Refusal]:
    for refusals in operation.errors.values():
        yield from refusals if isinstance(refusals, tuple) else (refusals,)
    if operation.database:
        yield Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
