"""Roles: sets of permissions, which plugins register and add to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp.errors import PluginError
from quartapp.kinds import TEXT, check_all, several

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOTHING: frozenset[str] = frozenset()
_ROLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_PERMISSION_NAME = re.compile(r"[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Role:
    """A role, or the permissions that a plugin adds to a role.

    Attributes:
        name: Name of the role in tokens and accounts, such as ``librarian``.
        permissions: Permissions that the role has by default, such as ``books:lend``.
        label: Name of the role for people to read; empty if another plugin brings the role.
    """

    name: str
    permissions: Iterable[str] = ()
    label: str = ""

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(self, name=TEXT, permissions=several(TEXT), label=TEXT)


class Roles:
    """The roles of one app."""

    def __init__(self) -> None:
        self._permissions: dict[str, frozenset[str]] = {}
        self._labels: dict[str, tuple[str, str]] = {}

    def add(self, role: Role, owner: str) -> None:
        """Add a role, or add permissions to an existing role.

        Args:
            role: The role to add.
            owner: Name of the plugin that brings the role, with its distribution.

        Raises:
            PluginError: A name has the wrong form, or two plugins give the role different labels.
        """
        if not _ROLE_NAME.fullmatch(role.name):
            raise PluginError(f"plugin {owner}: {role.name!r} is no name of a role")
        for permission in role.permissions:
            if not _PERMISSION_NAME.fullmatch(permission):
                raise PluginError(
                    f"plugin {owner}: {permission!r} is no permission; one looks like books:lend"
                )
        if role.label:
            label, other = self._labels.setdefault(role.name, (role.label, owner))
            if label != role.label:
                raise PluginError(
                    f"role {role.name} is called {label} by plugin {other} and {role.label} by "
                    f"plugin {owner}"
                )
        present = self._permissions.get(role.name, _NOTHING)
        self._permissions[role.name] = present | frozenset(role.permissions)

    def permissions_of(self, role: str) -> frozenset[str]:
        """Return the permissions that ``role`` has by default; none for an unknown role."""
        return self._permissions.get(role, _NOTHING)

    def holding(self, permission: str) -> list[str]:
        """Return the names of the roles that have ``permission`` by default."""
        return [name for name, present in self._permissions.items() if permission in present]

    def label(self, role: str) -> str:
        """Return the label of ``role``; the name for a role without a label."""
        return self._labels.get(role, (role, ""))[0]

    def __contains__(self, name: object) -> bool:
        return name in self._permissions

    def __iter__(self) -> Iterator[str]:
        return iter(self._permissions)
