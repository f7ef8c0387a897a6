"""Declarations: what the contract says of a route, what errors become, and every refusal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from quartapp.http.answers import ApiError
from quartapp.http.authentication import INVALID_TOKEN, MISSING_TOKEN, token_code
from quartapp.http.conditional import PRECONDITION_FAILED
from quartapp.http.csrf import CROSS_SITE
from quartapp.http.idempotency import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import BaseModel

    from quartapp.errors import DomainError
    from quartapp.http.answers import FieldError
    from quartapp.identity.access import Access

MAX_BODY_BYTES = 64 * 1024
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a domain error becomes.

    Attributes:
        status: HTTP status code.
        message: The string under ``error``.
        also_as: A second field that repeats the message.
        code: Stable name for programs, in kebab-case; made from the message when left out.
    """

    status: int
    message: str
    also_as: str | None = None
    code: str | None = None

    def raised_by(self, error: Exception, fields: Sequence[FieldError] = ()) -> ApiError:
        """Return the error to answer with.

        Args:
            error: What the refusal is the answer to.
            fields: What is wrong with which field, where the request does not fit.
        """
        extra = {self.also_as: self.message} if self.also_as else None
        answer = ApiError(self.status, self.message, extra=extra, code=self.code, fields=fields)
        answer.__cause__ = error
        return answer


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Everything that the contract says of one route.

    Attributes:
        id: The operationId, unique in the app.
        access: Who may call it.
        tags: Where it is listed.
        status: Status of success.
        data: Type of what is under ``key``.
        key: Field of the envelope that carries the data; None when the data is the whole body.
        media_type: Of the answer; what is not JSON the view returns as text or as a response.
        body: Model of the JSON body.
        form: Model of the form of a page, URL-encoded or multipart. The view gets ``form`` and
            ``errors``. A form that does not fit is answered with ``invalid``; where that is left
            out, the view gets None and a list of :class:`FieldError`, and shows the form again, as
            422 unless it answers with a response of its own.
        max_body: Bytes that a body or form may have; a longer one is answered with 413.
        query: Model of the query string.
        invalid: Answer to a body, form or query that does not fit.
        errors: Domain errors with what they become.
        database: Whether it can answer 503.
        documented: Whether clients may rely on it. Parts of a page are in no document.
        action: What ``authorize`` hears, when that is not ``id``: a route of a dialect names the
            operation that it is another form of, so that policies hold there too.
        policies: Whether plugins are asked (``authorize``). The health of the server, metrics and
            documents are no matter of policy.
        refused_by: Hooks, beside ``authorize``, in which plugins may refuse the operation with a
            message of their own, each with the status of that answer.
        missing_token: What a caller without a token is told.
        plain_errors: Whether errors have ``success`` and ``error`` alone, for clients that were
            promised that there is nothing else.
        page: Whether it is a page for browsers: the answer is HTML, and so are refusals.
        cross_site: Whether pages of other sites may have a browser send the form, as a sign-on
            elsewhere does (``response_mode=form_post``). Then the view has to tell by other means,
            such as a sealed ``state``, that the browser's user has asked for it.
        redirects: Whether it can answer 303, which leads a browser to another path
            (:func:`see_other`).
        idempotent: Whether a request may carry ``Idempotency-Key``: then it is done once, however
            often it is sent within a day, and answered as at first. Not for answers with tokens. A
            view with an argument ``attempt`` gets an :class:`Attempt`, by which it finds what a try
            has done that did not come to its answer.
        etag: Whether answers have an entity tag, and clients that have the answer get a 304. The
            view may return :class:`Versioned` data.
        if_match: Whether a request may carry ``If-Match``. The view gets ``expected``, the versions
            of which the thing must have one, or None; it has them checked with the write, which
            raises :class:`PreconditionFailedError`: 412.
        fuzz: Whether the contract's fuzz calls the operation. False for what generated requests
            cannot sensibly call, such as a redirect to another site, or a link that works once.
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
    fuzz: bool = True
    why: str | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            TypeError: A body and a form; a page that is idempotent, whose kept refusals would be
                JSON; or other sites at what only signed-in people may call.
        """
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
        """Whether a browser sends the requests by itself, without a script of ours."""
        return self.page or self.form is not None

    def refusals(self) -> dict[int, list[Refusal]]:
        """Return every refusal that this operation can answer with, by status."""
        return _refusals_of(self)


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
