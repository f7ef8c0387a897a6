"""Generators of values that fit a JSON schema, for the events of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]  # any: a JSON object
Strategy = st.SearchStrategy[Any]

LARGEST = 2**53 - 1
TEXT = st.characters(codec="utf-8")


def fitting(schema: Schema) -> Strategy:
    """Return a strategy for small values that fit ``schema``.

    The strategy ignores ``format``, ``not`` and ``if``, so that some values may not fit.

    Args:
        schema: A JSON schema without references.
    """
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of(*map(fitting, schema[key]))
    kinds = schema.get("type", "object")
    if isinstance(kinds, list):
        return st.one_of(*(_OF_KIND[kind](schema) for kind in kinds))
    return _OF_KIND[kinds](schema)


def _object(schema: Schema) -> Strategy:
    required = schema.get("required", ())
    fields = {name: fitting(part) for name, part in schema.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


def _array(schema: Schema) -> Strategy:
    least = schema.get("minItems", 0)
    most = min(schema.get("maxItems", least + 3), least + 3)
    return st.lists(fitting(schema.get("items", {})), min_size=least, max_size=most)


def _string(schema: Schema) -> Strategy:
    least, most = schema.get("minLength", 0), schema.get("maxLength", LARGEST)
    if "pattern" in schema:
        texts = st.from_regex(schema["pattern"], fullmatch=True)
        return texts.filter(lambda text: least <= len(text) <= most)
    return st.text(TEXT, min_size=least, max_size=min(least + 20, most))


def _number(schema: Schema) -> Strategy:
    least = schema.get("minimum", schema.get("exclusiveMinimum", -LARGEST))
    most = schema.get("maximum", schema.get("exclusiveMaximum", LARGEST))
    bounds = {schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")}
    if schema.get("type") == "integer":
        numbers: Strategy = st.integers(least, most)
    else:
        numbers = st.floats(least, most, allow_nan=False, allow_infinity=False)
    return numbers.filter(lambda number: number not in bounds)


_OF_KIND: dict[str, Callable[[Schema], Strategy]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
}
