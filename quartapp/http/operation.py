"""``@operation``: everything that the contract says of one route, in one place.

The decorator enforces it (token, role, body, query, which error becomes which answer) and leaves
the same facts to quart-schema, so that the OpenAPI document is made of what really happens.
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
from quartapp.http.authentication import (
    INVALID_TOKEN,
    authenticated,
    unauthorized,
)
from quartapp.http.conditional import (
    PRECONDITION_FAILED,
    Versioned,
    expected_versions,
    with_etag,
)
from quartapp.http.csrf import refuse_other_sites
from quartapp.http.declaration import Declaration, Refusal
from quartapp.http.documentation import documented
from quartapp.http.forms import UNFIT_STATUS, FormError, parsed_form
from quartapp.http.idempotency import HEADER, Attempt, once
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
ERRORS = "errors"
"""What a view gets beside its form."""
NO_JSON = whole_body("content-type", "Content-Type has to be application/json")


@dataclass(frozen=True, kw_only=True)
class Operation(Declaration):
    """One operation of the API. Use an instance as a decorator on a view.

    The view gets ``principal`` when access is guarded, ``body``, ``form`` and ``query`` when they
    are declared, and its path parameters; it returns what goes under ``key``. The attributes are
    those of :class:`~quartapp.Declaration`.
    """

    def __call__(
        self, view: Callable[..., Awaitable[object]]
    ) -> Callable[..., Awaitable[Response]]:
        """Wrap ``view``."""
        takes_attempt = "attempt" in inspect.signature(view).parameters

        @functools.wraps(view)
        async def wrapper(**path: object) -> Response:
            if self.is_for_browsers and not self.cross_site:
                refuse_other_sites(_current())
            principal = await self._caller() if self.access.signed_in else None
            asked = await self._let_in(principal, path)
            if self.policies:
                given = {name: value for name, value in asked.items() if name != ERRORS}
                await _authorize(principal, self.action or self.id, given)
            if self.form is not None:
                asked = {"form": None, ERRORS: [], **asked}
            arguments = asked if principal is None else {**asked, "principal": principal}
            if self.if_match:
                arguments = {**arguments, "expected": expected_versions(_current())}

            async def answer(attempt: Attempt) -> Response:
                given = {**arguments, "attempt": attempt} if takes_attempt else arguments
                return await self._answered_by(view, given)

            if self.idempotent and HEADER in request.headers:
                return await self._once(answer, principal)
            return await answer(Attempt())

        setattr(wrapper, ATTRIBUTE, self)
        return documented(self, wrapper)

    async def _answered_by(
        self, view: Callable[..., Awaitable[object]], arguments: Mapping[str, object]
    ) -> Response:
        try:
            data = await view(**arguments)
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
        tagged = self.etag and answer.status_code < HTTPStatus.MULTIPLE_CHOICES
        return await with_etag(answer, version, _current()) if tagged else answer

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

    async def _let_in(
        self, principal: Principal | None, path: Mapping[str, object]
    ) -> dict[str, object]:
        """Check role and input, and return what the operation is asked with.

        Raises:
            ApiError: The caller may not, or the input does not fit.
        """
        if principal is None or self.access.allows(principal, core().roles):
            return await self._input(path)
        refused = ApiError(HTTPStatus.FORBIDDEN, self.access.refusal)
        if self.access.permission is None or not core().grants.in_use:
            raise refused
        # A plugin may allow it for the thing that the input names; else nobody learns whether the
        # input fits.
        try:
            asked = await self._input(path)
        except ApiError:
            raise refused from None
        if not await core().grants.allow(principal, self.access.permission, _ids(asked)):
            raise refused
        return asked

    async def _input(self, path: Mapping[str, object]) -> dict[str, object]:
        asked: dict[str, object] = dict(path)
        if self.query is not None:
            asked["query"] = self._parse_query(self.query)
        if self.body is not None:
            asked["body"] = await self._parse_body(self.body)
        if self.form is not None:
            try:
                asked["form"] = await parsed_form(_current(), self.form)
            except FormError as error:
                if self.invalid is not None:
                    raise self.invalid.raised_by(error, error.fields) from error
                asked[ERRORS] = error.fields
        return asked

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
                # One error with several messages carries its own: only declared ones are answered.
                if refusal.message == str(error):
                    return refusal
            if refusals and str(error) in core().plugins.messages:
                # The reason of a plugin that was asked, declared where the plugin is.
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
        try:
            if not request.is_json:
                raise self._unfit(ValueError("another content type"), NO_JSON)
            # Parsed from bytes in one go: bad UTF-8, lone surrogates, numbers without end and
            # nesting without end are all plain validation errors here, where json.loads differs.
            from_json(raw, allow_inf_nan=False)  # NaN is no JSON, which the model would let pass
            return model.model_validate_json(raw)
        except ValueError as error:
            raise self._unfit(error, field_errors(error)) from error

    def _unfit(self, error: ValueError, fields: Sequence[FieldError]) -> ApiError:
        if self.invalid is None:
            raise TypeError(f"operation {self.id} declares no answer to invalid input") from error
        return self.invalid.raised_by(error, fields)


def _current() -> Request:
    current: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's documented way to a proxied object
    return current


def _ids(asked: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of path, query, body and form side by side, as ``grant`` gets them."""
    found: dict[str, object] = {}
    for name, value in asked.items():
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
    """Return the operation that ``view`` declares, or None without one."""
    declared = getattr(view, ATTRIBUTE, None)
    return declared if isinstance(declared, Operation) else None


def operation_for(app: Quart, current: Request) -> Operation | None:
    """Return the operation that ``current`` asks for, or None where no route takes the request."""
    rule = current.url_rule
    return None if rule is None else operation_of(app.view_functions[rule.endpoint])
