"""Actions that the audit records, and entries of theirs, as plugins declare and make them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from quartapp.kinds import TEXT, check_all, several

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bson import ObjectId

Value: TypeAlias = str | int | bool | None
"""A value in an entry."""

LONGEST_TEXT = 200
# Whole numbers beyond are not exact in JavaScript, and MongoDB takes none of more than 64 bits.
LARGEST_NUMBER = 2**53 - 1

_NAME = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*")
_NOTHING: Mapping[str, Value] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AuditAction:
    """Something that people or the server do, and that the audit records.

    A plugin declares its actions in the attribute ``audited`` of its class, and makes entries with
    :meth:`entry`. Only declared actions can be recorded.

    Attributes:
        name: Name of the action in entries: the name of the plugin, a dot, and words with hyphens,
            such as ``auth.role-changed``.
        about: Names of the ids that tell what the action was about.
        values: Names of the values before and after the action.
    """

    name: str
    about: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse attributes of other types, and a name of another form.

        Raises:
            TypeError: An attribute has another type.
            ValueError: The name has another form.
        """
        check_all(self, name=TEXT, about=several(TEXT), values=several(TEXT))
        if _NAME.fullmatch(self.name) is None:
            raise ValueError(
                f"AuditAction {self.name}: the name has to be like auth.role-changed, "
                "with the name of the plugin before the dot"
            )

    def entry(
        self,
        by: str | None = None,
        *,
        about: Mapping[str, str | ObjectId | None] = MappingProxyType({}),
        before: Mapping[str, Value] = _NOTHING,
        after: Mapping[str, Value] = _NOTHING,
    ) -> AuditEntry:
        """Return an entry, to be stored with a change or by :meth:`Audit.add`.

        An entry is kept when the account of its person is erased. So it must have no name, no
        address and no other text that people write; and never a secret.

        Args:
            by: Id of the account that acts; None for the person whose request or frame is being
                handled, and for strangers, commands and the server itself.
            about: What the action is about: ids by the names that the action declares.
            before: Values before the action, by the names that the action declares.
            after: Values after the action, by the names that the action declares.

        Raises:
            ValueError: A name is not declared.
            TypeError: A value is no text, whole number, truth value or None.
        """
        for names, given in ((self.about, about), (self.values, before), (self.values, after)):
            unknown = set(given) - set(names)
            if unknown:
                raise ValueError(
                    f"the action {self.name} declares no {', '.join(sorted(unknown))}; "
                    f"it declares {', '.join(names) or 'nothing'}"
                )
        ids = {name: None if key is None else str(key) for name, key in about.items()}
        return AuditEntry(self, by, ids, self._checked(before), self._checked(after))

    def _checked(self, values: Mapping[str, Value]) -> dict[str, Value]:
        return {name: self._fitting(name, value) for name, value in values.items()}

    def _fitting(self, name: str, value: Value) -> Value:
        if isinstance(value, str):
            # Text that MongoDB cannot store must not make the action fail.
            return value.encode(errors="replace").decode()[:LONGEST_TEXT]
        whole = isinstance(value, int) and abs(value) <= LARGEST_NUMBER
        if value is None or whole:
            return value
        raise TypeError(f"the action {self.name} takes no {type(value).__name__} as {name}")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry for the audit, made by :meth:`AuditAction.entry`.

    Attributes:
        action: The action.
        by: Id of the account that acts; None for the person of the request or frame, or nobody.
        about: Ids of what the action is about.
        before: Values before the action.
        after: Values after the action.
    """

    action: AuditAction
    by: str | None
    about: Mapping[str, str | None] = field(default_factory=dict)
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)
