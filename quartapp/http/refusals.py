"""Refusals: what domain errors become, and all that an operation can refuse with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from quartapp.http.answers import ApiError
from quartapp.http.authentication import INVALID_TOKEN, token_code
from quartapp.http.conditional import PRECONDITION_FAILED
from quartapp.http.idempotency import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quartapp.http.operation import Operation
    from quartapp.http.problems import FieldError


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


def refusals_of(operation: Operation) -> dict[int, list[Refusal]]:
    """Return every refusal that ``operation`` can answer with, by status."""
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


def _of_callers(operation: Operation) -> Iterator[Refusal]:
    if operation.access.signed_in:
        for message in (operation.missing_token, INVALID_TOKEN):
            yield Refusal(HTTPStatus.UNAUTHORIZED, message, code=token_code(message))
    if operation.access.role is not None:
        yield Refusal(HTTPStatus.FORBIDDEN, operation.access.refusal)


def _of_input(operation: Operation) -> Iterator[Refusal]:
    if operation.invalid is not None:
        yield operation.invalid
    if operation.body is not None:
        yield Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Payload Too Large")
    if operation.if_match:
        yield Refusal(*PRECONDITION_FAILED)
    if operation.idempotent:
        for (status, message), code in CODES.items():
            yield Refusal(status, message, code=code)


def _of_view(operation: Operation) -> Iterator[Refusal]:
    for refusals in operation.errors.values():
        yield from refusals if isinstance(refusals, tuple) else (refusals,)
    if operation.database:
        yield Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
