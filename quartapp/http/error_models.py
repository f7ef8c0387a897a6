"""Models of errors, with their members and messages, for the OpenAPI document."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Union

from pydantic import BaseModel, Field, RootModel, create_model

from quartapp.http.answers import FieldError
from quartapp.http.fields import left_out
from quartapp.http.models import Closed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp.http.declaration import Refusal

_REQUEST_ID = Field(alias="requestId", pattern=r"^[A-Za-z0-9._-]{1,64}$")
# Models take time to make, and apps of one process share equal ones. No app has as many.
_SHARED = 1024


@lru_cache(maxsize=_SHARED)
def error_model(
    name: str, status: int, refusals: tuple[Refusal, ...], *, names_fields: bool
) -> Any:  # noqa: ANN401 - a type
    """Return the model of all errors with one status.

    Args:
        name: The operationId.
        status: HTTP status code.
        refusals: The refusals with this status.
        names_fields: Whether answers with this status may list invalid fields.
    """
    variants = []
    for number, group in enumerate(_by_extra(refusals)):
        fields = _fields(group)
        codes = tuple(dict.fromkeys(one.stable_code for one in group))
        fields["code"] = (Literal[codes], ...)
        fields["request_id"] = (str, _REQUEST_ID)
        if names_fields:
            fields["errors"] = (list[FieldError], left_out())
        # Errors are open, unlike successful answers: clients ignore unknown members.
        variants.append(create_model(f"{name}Error{status}_{number}", __base__=BaseModel, **fields))
    return _either(variants)


@lru_cache(maxsize=_SHARED)
def plain_error_model(name: str, status: int, refusals: tuple[Refusal, ...]) -> Any:  # noqa: ANN401 - a type
    """Return the model of all errors with one status, for errors without further members.

    Args:
        name: The operationId.
        status: HTTP status code.
        refusals: The refusals with this status.
    """
    return _either(
        [
            create_model(f"{name}Error{status}_{number}", __base__=Closed, **_fields(group))
            for number, group in enumerate(_by_extra(refusals))
        ]
    )


def _by_extra(refusals: Iterable[Refusal]) -> Iterable[list[Refusal]]:
    groups: dict[tuple[object, ...], list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        groups[refusal.also_as, refusal.explained, refusal.current].append(refusal)
    return groups.values()


def _fields(group: list[Refusal]) -> dict[str, Any]:
    strings = Literal[tuple(dict.fromkeys(one.message for one in group))]  # type: ignore[valid-type] # made of what is found
    fields: dict[str, Any] = {"success": (Literal[False], ...), "error": (strings, ...)}
    if group[0].also_as is not None:
        fields[group[0].also_as] = (strings, ...)
    if group[0].explained:
        fields["reason"] = (str, left_out())
    if group[0].current is not None:
        fields["current"] = (group[0].current, ...)
    return fields


def _either(variants: list[type[BaseModel]]) -> Any:  # noqa: ANN401 - a type
    union: Any = Union[tuple(variants)]  # noqa: UP007 - made of what is found
    return RootModel[union] if len(variants) > 1 else variants[0]
