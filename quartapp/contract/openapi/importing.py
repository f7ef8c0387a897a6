"""Parts of one OpenAPI document that are taken into another, with what they refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject

COMPONENTS = "#/components/"


class Importer:
    """Takes parts of one document into another.

    Args:
        source: The document to take parts of.
        into: The document whose components get what the parts refer to. A component of the same
            name and another content stays, and the new one gets a number.

    Attributes:
        source: The document to take parts of.
        names: Kinds and names in ``source`` of all components that were taken.
    """

    def __init__(self, source: JsonObject, into: JsonObject) -> None:
        self.source = source
        self.names: dict[tuple[str, str], str] = {}
        self._into = into

    def taken(self, node: Any) -> Any:  # noqa: ANN401 - any part
        """Return a part with references into the other document."""
        if isinstance(node, list):
            return [self.taken(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {
            key: self._reference(value)
            if key == "$ref" and isinstance(value, str) and value.startswith(COMPONENTS)
            else self.taken(value)
            for key, value in node.items()
        }

    def _reference(self, reference: str) -> str:
        kind, _, name = reference.removeprefix(COMPONENTS).partition("/")
        if (kind, name) not in self.names:
            there = self._into["components"].setdefault(kind, {})
            content = self.source["components"][kind][name]
            free, number = name, 1
            while free in there:
                number += 1
                free = f"{name}{number}"
            # The name comes first: a schema may refer to itself.
            self.names[kind, name] = free
            there[free] = {}
            there[free] = self.taken(content)
            if free != name and there[free] == there[name]:
                del there[free]
                self.names[kind, name] = name
        return f"{COMPONENTS}{kind}/{self.names[kind, name]}"
