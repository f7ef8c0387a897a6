"""The HTTP routes of an app with their operations and owners."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from quart.routing import QuartRule

from quartapp.errors import QuartappError
from quartapp.http.operation import ATTEMPT, VIEW, Operation, operation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Blueprint, Quart
    from werkzeug.routing.rules import Rule

    from quartapp.plugin import LoadedPlugin

EXTENSION = "quartapp.routes"

_PARAMETER = re.compile(r"<(?:[^:<>]*:)?([^<>]+)>")


class LazyRule(QuartRule):
    """A rule that writes its functions for URLs when the first URL is asked for.

    werkzeug writes and compiles two functions for each rule that is added, which is a third of the
    time that an app takes to build; an app that makes no URLs needs none of them.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        write = cache(super()._compile_builder)

        def build(rule: LazyRule, **values: object) -> tuple[str, str]:
            return write(append_unknown)(rule, **values)

        return build


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        method: HTTP method in capitals.
        path: Path in the syntax of OpenAPI: ``/book/{book_id}``.
        operation: Declaration of the view.
        owner: The plugin that brings the route; None for the core.
    """

    method: str
    path: str
    operation: Operation
    owner: LoadedPlugin | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def shape(self) -> tuple[str, str]:
        """Method and path without names of parameters; no two routes may have the same shape."""
        return self.method, re.sub(r"\{[^{}]*\}", "{}", self.path)


def routes(app: Quart) -> list[Route]:
    """Return all HTTP routes of ``app``, in the order of registration."""
    return cast("list[Route]", app.extensions.setdefault(EXTENSION, []))


def register_routes(app: Quart, blueprint: Blueprint, owner: LoadedPlugin | None = None) -> None:
    """Add a blueprint's routes to ``app``.

    Args:
        app: The application under construction.
        blueprint: The blueprint with the routes.
        owner: The plugin that brings the blueprint; None for the core.

    Raises:
        QuartappError: Quart refuses the blueprint, a route is no :class:`Operation`, a view
            does not take what it is given, a reason for not fuzzing a route is missing or
            superfluous, or another plugin has the route's
            operationId or path.
    """
    before = {id(rule) for rule in app.url_map.iter_rules()}
    try:
        app.register_blueprint(blueprint)
    except (ValueError, AssertionError) as error:
        raise QuartappError(f"{_bearer(owner)}: {error}") from error
    known = routes(app)
    by_shape = {route.shape: route for route in known}
    by_id = {route.operation.id: route for route in known}
    for rule in app.url_map.iter_rules():
        if id(rule) in before:
            continue
        for route in _routes_of(app, rule, owner):
            _refuse_collision(by_shape.setdefault(route.shape, route), route)
            _refuse_collision(by_id.setdefault(route.operation.id, route), route)
            known.append(route)


def openapi_path(rule: Rule) -> str:
    """Return the path of ``rule`` in the syntax of OpenAPI."""
    return _PARAMETER.sub(r"{\1}", rule.rule)


def _routes_of(app: Quart, rule: Rule, owner: LoadedPlugin | None) -> list[Route]:
    path = openapi_path(rule)
    if rule.websocket:
        raise QuartappError(
            f"{_bearer(owner)}: WebSocket route {path} is outside the contract; "
            "bring what it does as events (register_events)"
        )
    methods = sorted((rule.methods or set()) - {"HEAD"})
    operation = operation_of(app.view_functions[rule.endpoint])
    if operation is None:
        raise QuartappError(
            f"{_bearer(owner)}: route {'/'.join(methods)} {path} has no operationId and no role; "
            "decorate its view with quartapp.http.operation.Operation"
        )
    _refuse_unexplained(operation, owner)
    view = getattr(app.view_functions[rule.endpoint], VIEW)
    unfit = _unfit_arguments(view, {*rule.arguments, *operation.arguments})
    if unfit is not None:
        raise QuartappError(f"{_bearer(owner)}: operation {operation.id}, {path}: its view {unfit}")
    return [Route(method, path, operation, owner) for method in methods]


def _unfit_arguments(view: Callable[..., object], given: set[str]) -> str | None:
    """Return why a view cannot be called, or None if it can.

    Args:
        view: The view, perhaps with decorators of its author, which may add arguments.
        given: Names of the arguments that the view gets.
    """
    if inspect.isfunction(view) and not inspect.iscoroutinefunction(inspect.unwrap(view)):
        return "is not async: write `async def`"
    names = set()
    takes_all = False
    for parameter in inspect.signature(view, follow_wrapped=False).parameters.values():
        takes_all |= parameter.kind is parameter.VAR_KEYWORD
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        names.add(parameter.name)
        is_needed = parameter.default is parameter.empty and parameter.name != ATTEMPT
        if is_needed and parameter.name not in given:
            has = f"it is given {', '.join(sorted(given))}" if given else "it is given nothing"
            return f"takes {parameter.name}, which neither path nor Operation give; {has}"
    left = sorted(given - names)
    return f"does not take {left[0]}, which it is given" if left and not takes_all else None


def _refuse_unexplained(operation: Operation, owner: LoadedPlugin | None) -> None:
    if not operation.fuzz and not operation.why:
        raise QuartappError(
            f"{_bearer(owner)}: operation {operation.id} has fuzz=False without a reason; "
            'say why="..."'
        )
    if operation.fuzz and operation.why is not None:
        raise QuartappError(
            f"{_bearer(owner)}: operation {operation.id} has why= without fuzz=False; "
            "the reason is for operations that are not fuzzed"
        )


def _refuse_collision(other: Route, route: Route) -> None:
    if other is route:
        return
    both = f"{_bearer(other.owner)} and {_bearer(route.owner)}"
    if other.shape == route.shape:
        raise QuartappError(f"route {route} is brought by both {both}")
    raise QuartappError(
        f"operationId {route.operation.id} is used for both {other} and {route}, brought by {both}"
    )


def _bearer(owner: LoadedPlugin | None) -> str:
    return f"plugin {owner}" if owner else "quartapp itself"
