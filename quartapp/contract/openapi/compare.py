"""The comparison of two OpenAPI documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quartapp.contract.openapi.normal_form import canonical, normal_form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quartapp.encoding import JsonObject

LONGEST = 160


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two documents.

    Attributes:
        where: Place of the difference: operation, status or part of the request, and the path into
            the schema.
        what: Statement of each document at this place.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def differences(
    authority: JsonObject,
    generated: JsonObject,
    names: tuple[str, str] = ("openapi.yaml", "the server"),
) -> list[Difference]:
    """Find the differences between two OpenAPI documents.

    The comparison covers operations with their operationId, tags, security and role, parameters,
    request bodies, and answers with their status, headers and schemas. Descriptions and examples
    do not count.

    Args:
        authority: The document that decides.
        generated: The document to check.
        names: Names of the two documents in the differences.

    Raises:
        DocumentError: One of the two is no OpenAPI document.
    """
    left = normal_form(authority, names[0])
    right = normal_form(generated, names[1])
    return list(_differences((), left, right, names))


def _differences(
    path: tuple[str, ...],
    left: Any,  # noqa: ANN401 - JSON
    right: Any,  # noqa: ANN401 - JSON
    names: tuple[str, str],
) -> Iterator[Difference]:
    if canonical(left) == canonical(right):
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            inner = (*path, key)
            if key not in right:
                yield Difference(_where(path), f"{_named(key, left[key])} only in {names[0]}")
            elif key not in left:
                yield Difference(_where(path), f"{_named(key, right[key])} only in {names[1]}")
            else:
                yield from _differences(inner, left[key], right[key], names)
        return
    if isinstance(left, list) and isinstance(right, list):
        ours, theirs = ({canonical(item) for item in side} for side in (left, right))
        for items, name in ((ours - theirs, names[0]), (theirs - ours, names[1])):
            for item in sorted(items):
                yield Difference(_where(path), f"{_shortened(item)} only in {name}")
        return
    values = " and ".join(
        f"{_shortened(canonical(side))} in {name}"
        for side, name in zip((left, right), names, strict=True)
    )
    yield Difference(_where(path), values)


def _where(path: tuple[str, ...]) -> str:
    if not path:
        return "operations"
    operation, *inner = path
    if not inner:
        return operation
    part, *steps = inner
    words = [step for step in steps if step not in ("application/json", "properties")]
    return f"{operation} {part}" + (f": {'.'.join(words)}" if words else "")


def _named(key: str, value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return key
    return f"{key} {_shortened(canonical(value))}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
