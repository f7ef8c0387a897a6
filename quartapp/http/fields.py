"""Field types for several plugins, with exact schemas for the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

# The characters that str.strip() removes: regular expression engines disagree about \s, and clients
# of every language use the pattern.
SPACES = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

ObjectIdString = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
"""An identifier in answers: 24 lower-case hex digits."""

ObjectIdInput = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{24}$")]
"""An identifier in requests: 24 hex digits."""

Timestamp = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"),
    Field(json_schema_extra={"format": "date-time"}),
]
"""A time in UTC, in ISO 8601 with milliseconds and a Z."""


# Characters of white space that may surround a text.
ROOM = 100


@dataclass(frozen=True, slots=True)
class _Trimmed:
    pattern: str
    most: int

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401 - pydantic's signature
        handler: GetCoreSchemaHandler,
    ) -> core_schema.CoreSchema:
        # The pattern includes the white space around the text.
        text = core_schema.str_schema(
            strict=True, pattern=self.pattern, max_length=self.most, regex_engine="rust-regex"
        )
        # pydantic's own stripping leaves four control characters that str.strip() removes.
        return core_schema.no_info_after_validator_function(str.strip, text)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema)


def left_out(**constraints: Any) -> Any:  # noqa: ANN401 - pydantic's Field, of any type
    """Return the default of a field that clients may leave out, but not set to null.

    A field that is left out has the value None.

    Args:
        constraints: Arguments of pydantic's ``Field``.
    """
    return Field(default=None, **constraints)


def trimmed(
    minimum: int = 0, maximum: int = 0, *, pattern: str | None = None, without: str = ""
) -> _Trimmed:
    """Return the annotation for text without its surrounding white space.

    JSON Schema's lengths would count the white space, so the limits are in a pattern. The text with
    its white space is limited too, to ``ROOM`` characters more; a pattern's text is limited to
    ``maximum`` characters with its white space.

    Args:
        minimum: Minimum number of characters after trimming; 1 or more.
        maximum: Maximum number of characters after trimming; at least ``minimum``, and 2 or more.
        pattern: Pattern that the trimmed text must match, instead of ``minimum``.
        without: Characters that the text must not have; letters, digits or ``@`` alone.
    """
    most = maximum if pattern else maximum + ROOM
    if pattern is None:
        solid, inner = f"[^{SPACES}{without}]", f"[^{without}]" if without else r"[\s\S]"
        rest = rf"{inner}{{{max(minimum - 2, 0)},{maximum - 2}}}{solid}"
        pattern = f"{solid}(?:{rest})?" if minimum == 1 else solid + rest
    return _Trimmed(f"^[{SPACES}]*{pattern}[{SPACES}]*$", most)


def exact_schema(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a JSON schema without two flaws of pydantic's schemas.

    pydantic's schema of a dict with a pattern for its keys allows keys of any other form too; and
    an optional field that cannot be null has null as its default.

    Args:
        node: A schema, or any part of one.
    """
    if isinstance(node, list):
        return [exact_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {
        key: exact_schema(value) for key, value in node.items() if (key, value) != ("default", None)
    }
    keys = node.get("patternProperties")
    if isinstance(keys, dict) and len(keys) == 1 and "additionalProperties" not in node:
        ((pattern, values),) = node.pop("patternProperties").items()
        node["propertyNames"] = {"type": "string", "pattern": pattern}
        node["additionalProperties"] = values
    return node
