"""The check for routes that hide other routes, made when an app is built.

werkzeug prefers literal parts of a path to parameters, so most routes do not clash. Two kinds of
routes do: routes with a parameter that also matches slashes, and routes with no path that another
route does not match first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException

from quartapp.errors import QuartappError
from quartapp.http.routes import openapi_path, routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quart import Quart
    from werkzeug.routing.map import MapAdapter
    from werkzeug.routing.rules import Rule

    from quartapp.plugin import LoadedPlugin

API = ("api", "v1")

_PARAMETER = re.compile(r"<(?:([^:<>()]+)(?:\(([^<>]*)\))?:)?[^<>]+>")
# For each usual type of parameter one of these values matches, and no route has them as a word.
_VALUES = (
    "a-word-of-no-route",
    "7340033",
    "7340033.5",
    "70" * 12,
    "70707070-7070-4070-8070-707070707070",
)


def refuse_clashes(app: Quart) -> None:
    """Check that no plugin's route hides routes of other plugins.

    Args:
        app: The application under construction, with all its routes.

    Raises:
        QuartappError: A route covers a route of another plugin, takes unknown paths of the API, or
            can never be reached.
    """
    owners = {(route.method, route.path): route.owner for route in routes(app)}
    rules = list(app.url_map.iter_rules())
    adapter = app.url_map.bind("localhost")
    for rule in rules:
        owner = owners.get((_method(rule), openapi_path(rule)))
        if owner is None:
            continue
        prefix = _caught(app, rule)
        for other in rules if prefix is not None else ():
            theirs = owners.get((_method(other), openapi_path(other)))
            if theirs is not owner and re.match(f"{prefix}.", openapi_path(other)):
                raise QuartappError(
                    f"catch-all route {_told(rule, owner)} covers {_told(other, theirs)}"
                )
        _refuse_swallowing(adapter, rule, owner)
        taken = [_matched(adapter, rule, path) for path in _examples(rule)]
        if any(taken) and rule not in taken:
            other = next(filter(None, taken))
            theirs = owners.get((_method(other), openapi_path(other)))
            raise QuartappError(
                f"route {_told(rule, owner)} can never be reached, "
                f"as {_told(other, theirs)} takes its place"
            )


def _caught(app: Quart, rule: Rule) -> str | None:
    """Return the pattern of the prefix of a catch-all route; None for other routes."""
    for found in _PARAMETER.finditer(rule.rule):
        if not app.url_map.converters[found[1] or "default"].part_isolating:
            written = rule.rule[: found.start()]
            return "[^/]+".join(map(re.escape, _PARAMETER.sub("\0", written).split("\0")))
    return None


def _refuse_swallowing(adapter: MapAdapter, rule: Rule, owner: LoadedPlugin) -> None:
    segments = _PARAMETER.sub("\0", rule.rule).strip("/").split("/")
    for ending in (segments[count:] for count in range(len(API) + 1)):
        # A route that begins with a literal word takes no unknown paths.
        if not ending or "\0" not in ending[0]:
            continue
        for value in _VALUES:
            path = "/".join(["", *API, *ending]).replace("\0", value)
            if _matched(adapter, rule, path) is rule:
                raise QuartappError(
                    f"route {_told(rule, owner)} takes unknown paths of /{'/'.join(API)}, "
                    "which are quartapp itself's to answer; begin it with a word of its own"
                )


def _examples(rule: Rule) -> Iterator[str]:
    written = _PARAMETER.sub("\0", rule.rule)
    # Parameters of the type `any` list the words that they match.
    listed = [word for found in _PARAMETER.finditer(rule.rule) for word in _words(found[2])]
    yield from dict.fromkeys(written.replace("\0", value) for value in (*_VALUES, *listed))


def _words(arguments: str | None) -> list[str]:
    return re.findall(r"[\w-]+", arguments or "")


def _matched(adapter: MapAdapter, rule: Rule, path: str) -> Rule | None:
    try:
        found, _ = adapter.match(path, method=_method(rule), return_rule=True)
    except HTTPException:
        return None
    return found


def _method(rule: Rule) -> str:
    return min((rule.methods or {"GET"}) - {"HEAD"}, default="GET")


def _told(rule: Rule, owner: LoadedPlugin | None) -> str:
    bearer = f"plugin {owner}" if owner else "quartapp itself"
    return f"{_method(rule)} {openapi_path(rule)} of {bearer}"
