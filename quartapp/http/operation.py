"""The decorator of views, which declares and enforces what the contract promises about a route.

The decorator checks the token, the role and the input, and turns errors into their answers. It
hands the same declaration to quart-schema, so the OpenAPI document describes what really happens.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from quart import request
from quart.wrappers import Response

from quartapp.errors import DomainError, PreconditionFailedError
from quartapp.http.answers import ApiError, json_response
from quartapp.http.authentication import INVALID_TOKEN, authenticated, unauthorized
from quartapp.http.browsers.csrf import refuse_other_sites
from quartapp.http.conditional import (
    PRECONDITION_FAILED,
    Versioned,
    expected_versions,
    with_etag,
)
from quartapp.http.declaration import Declaration, Refusal
from quartapp.http.documentation import documented
from quartapp.http.forms import UNFIT_STATUS, FormError, parsed_form
from quartapp.http.idempotency import HEADER, Attempt, once
from quartapp.http.paging import check_cursor, next_page
from quartapp.http.problems import field_errors, whole_body
from quartapp.identity.tokens import AccountGoneError
from quartapp.parts import core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from quart import Quart
    from quart.wrappers import Request

    from quartapp.http.answers import FieldError
    from quartapp.identity.principal import Principal

ATTRIBUTE = "__quartapp_operation__"
VIEW = "__quartapp_view__"
ATTEMPT = "attempt"
"""Name of the argument with the attempt; a view may leave it out."""
ERRORS = "errors"
"""Name of the argument with the errors of a form."""
NO_JSON = whole_body("content-type", "Content-Type has to be application/json")


@dataclass(frozen=True, kw_only=True)
class Operation(Declaration):
    """One operation of the API. An instance is a decorator for a view.

    The view gets its path parameters; ``principal`` if the access is restricted; and ``body``,
    ``form`` and ``query`` if they are declared. The view returns the value under ``key``. The
    attributes are those of :class:`~quartapp.Declaration`.
    """

    def __post_init__(self) -> None:
        """Refuse what a declaration refuses, and a list whose entries have no cursor.

        Raises:
            TypeError: An attribute has another type, or attributes contradict each other.
        """
        super().__post_init__()
        check_cursor(self)

    def __call__(
        self, view: Callable[..., Awaitable[object]]
    ) -> Callable[..., Awaitable[Response]]:
        """Return the view with all checks and answers of this operation.

        Args:
            view: The view.
        """
        takes_attempt = ATTEMPT in inspect.signature(view).parameters

        @functools.wraps(view)
        async def wrapper(**path: object) -> Response:
            if self.is_for_browsers and not self.cross_site:
                refuse_other_sites(_current())
            principal = await self._caller() if self.access.signed_in else None
            inputs = await self._checked_input(principal, path)
            if self.policies:
                given = {name: value for name, value in inputs.items() if name != ERRORS}
                if self.action is not None and "form" in given:
                    # A policy about the route whose action this is knows the input as its body.
                    given["body"] = given["form"]
                await _authorize(principal, self.action or self.id, given)
            if self.form is not None:
                inputs = {"form": None, ERRORS: [], **inputs}
            arguments = inputs if principal is None else {**inputs, "principal": principal}
            if self.if_match:
                arguments = {**arguments, "expected": expected_versions(_current())}

            async def answer(attempt: Attempt) -> Response:
                given = {**arguments, "attempt": attempt} if takes_attempt else arguments
                return await self._answered_by(view, given)

            if self.idempotent and HEADER in request.headers:
                return await self._once(answer, principal)
            return await answer(Attempt())

        setattr(wrapper, ATTRIBUTE, self)
        setattr(wrapper, VIEW, view)
        return documented(self, wrapper)

    @property
    def arguments(self) -> list[str]:
        """Names of the arguments that the view gets beside the path's, without ``attempt``."""
        given = {
            "principal": self.access.signed_in,
            "body": self.body is not None,
            "form": self.form is not None,
            ERRORS: self.form is not None,
            "query": self.query is not None,
            "expected": self.if_match,
        }
        return [name for name, is_given in given.items() if is_given]

    async def _answered_by(
        self, view: Callable[..., Awaitable[object]], arguments: Mapping[str, object]
    ) -> Response:
        try:
            data = await view(**arguments)
            links = await next_page(
                self, data, _current(), lambda query: self._behind(view, arguments, query)
            )
        except DomainError as error:
            refusal = self._refusal_for(error)
            if refusal is None:
                raise
            raise refusal.raised_by(error) from error
        version = None
        if isinstance(data, Versioned):
            data, version = data.data, data.version
        unfit = self.form is not None and arguments["form"] is None
        answer = self._answer(data, UNFIT_STATUS if unfit else self.status)
        answer.headers.update(links)
        tagged = self.etag and answer.status_code < HTTPStatus.MULTIPLE_CHOICES
        return await with_etag(answer, version, _current()) if tagged else answer

    async def _behind(
        self,
        view: Callable[..., Awaitable[object]],
        arguments: Mapping[str, object],
        query: BaseModel,
    ) -> object:
        try:
            return await view(**{**arguments, "query": query})
        except DomainError as error:
            # Some lists end with 404, as clients were promised.
            refusal = self._refusal_for(error)
            if refusal is not None and refusal.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def _once(
        self, answer: Callable[[Attempt], Awaitable[Response]], principal: Principal | None
    ) -> Response:
        current = _current()
        who = f"network {current.remote_addr}" if principal is None else f"user {principal.id}"
        return await once(self.id, who, current, answer, plain_errors=self.plain_errors)

    async def _caller(self) -> Principal:
        try:
            return await authenticated(core(), _current(), self.missing_token)
        except AccountGoneError as error:
            refusal = self._refusal_for(error)
            raise refusal.raised_by(error) if refusal else unauthorized(INVALID_TOKEN) from error

    async def _checked_input(
        self, principal: Principal | None, path: Mapping[str, object]
    ) -> dict[str, object]:
        """Check the role and the input, and return the input by the names of the arguments.

        Raises:
            ApiError: The caller has no permission, or the input is invalid.
        """
        if principal is None or self.access.allows(principal, core().roles):
            return await self._input(path)
        refused = ApiError(HTTPStatus.FORBIDDEN, self.access.refusal)
        if self.access.permission is None or not core().grants.in_use:
            raise refused
        # A plugin may permit the operation for the resource that the input names. A caller without
        # permission does not learn whether the input is valid.
        try:
            inputs = await self._input(path)
        except ApiError:
            raise refused from None
        if not await core().grants.allow(principal, self.access.permission, _ids(inputs)):
            raise refused
        return inputs

    async def _input(self, path: Mapping[str, object]) -> dict[str, object]:
        inputs: dict[str, object] = dict(path)
        if self.query is not None:
            inputs["query"] = self._parse_query(self.query)
        if self.body is not None:
            inputs["body"] = await self._parse_body(self.body)
        if self.form is not None:
            try:
                inputs["form"] = await parsed_form(_current(), self.form)
            except FormError as error:
                if self.invalid is not None:
                    raise self.invalid.raised_by(error, error.fields) from error
                inputs[ERRORS] = error.fields
        return inputs

    def _answer(self, data: Any, status: int) -> Response:  # noqa: ANN401 - what the view returned
        if isinstance(data, Response):
            return data
        if self.media_type != "application/json":
            return Response(data, status, mimetype=self.media_type)
        if self.key is None:
            return json_response(data, status)
        return json_response({"success": True, self.key: data}, status)

    def _refusal_for(self, error: DomainError) -> Refusal | None:
        if self.if_match and isinstance(error, PreconditionFailedError):
            return Refusal(*PRECONDITION_FAILED)
        for kind in type(error).__mro__:
            refusals = self.errors.get(kind, ())
            if isinstance(refusals, Refusal):
                return refusals
            for refusal in refusals:
                # An error with several declared answers has the message of one of them.
                if refusal.message == str(error):
                    return refusal
            if refusals and str(error) in core().plugins.messages:
                # A plugin that may refuse the operation gave the reason, and declares the message.
                core().plugins.messages.tell(str(error), f"operation {self.id}")
                return Refusal(refusals[0].status, str(error))
        return None

    def _parse_query(self, model: type[BaseModel]) -> BaseModel:
        given = {
            name: values[0] if len(values) == 1 else values for name, values in request.args.lists()
        }
        try:
            return model.model_validate(given, strict=False)
        except ValidationError as error:
            raise self._unfit(error, field_errors(error)) from error

    async def _parse_body(self, model: type[BaseModel]) -> BaseModel:
        raw = await request.get_data(cache=self.idempotent)
        if not raw and not self.body_required:
            return model.model_validate({})
        try:
            if not request.is_json:
                raise self._unfit(ValueError("another content type"), NO_JSON)
            # pydantic parses the bytes: for bad UTF-8, lone surrogates, huge numbers and deep
            # nesting it raises validation errors, and json.loads would raise other errors.
            from_json(raw, allow_inf_nan=False)  # the model would accept NaN, which is no JSON
            return model.model_validate_json(raw)
        except ValueError as error:
            raise self._unfit(error, field_errors(error)) from error

    def _unfit(self, error: ValueError, fields: Sequence[FieldError]) -> ApiError:
        if self.invalid is None:
            raise TypeError(f"operation {self.id} declares no answer to invalid input") from error
        return self.invalid.raised_by(error, fields)


@dataclass(frozen=True, kw_only=True)
class PageOperation(Operation):
    """An operation that is a page for browsers, or one of its forms: HTML, and in no document.

    The attributes are those of :class:`~quartapp.Declaration`.
    """

    tags: tuple[str, ...] = ()
    data: Any = str
    documented: bool = False
    page: bool = True


def _current() -> Request:
    current: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's documented way to a proxied object
    return current


def _ids(inputs: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of path, query, body and form side by side, as ``grant`` gets them."""
    found: dict[str, object] = {}
    for name, value in inputs.items():
        if name != ERRORS:
            found |= value.model_dump() if isinstance(value, BaseModel) else {name: value}
    return found


async def _authorize(
    principal: Principal | None, action: str, resource: Mapping[str, object]
) -> None:
    denied = await core().plugins.authorize(principal, action, resource)
    if denied is not None:
        raise ApiError(HTTPStatus.FORBIDDEN, denied.reason)


def operation_of(view: object) -> Operation | None:
    """Return the operation that a view declares, or None without one.

    Args:
        view: The view, or any other object.
    """
    declared = getattr(view, ATTRIBUTE, None)
    return declared if isinstance(declared, Operation) else None


def operation_for(app: Quart, current: Request) -> Operation | None:
    """Return the operation of a request, or None if the request has no route.

    Args:
        app: The app.
        current: The request.
    """
    rule = current.url_rule
    return None if rule is None else operation_of(app.view_functions[rule.endpoint])
