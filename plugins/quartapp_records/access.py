"""Who reads and changes the records of which class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp import Principal, Roles
    from quartapp_attendance import StatusRegistry
    from quartapp_classes import ClassRoom, ClassService

READ = "records:read"
WRITE = "records:write"
# Whoever has this by role is the office: every class is theirs, and their word counts.
OFFICE = "records:manage"


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever changes records.

    Attributes:
        id: Id of the user.
        office: Whether the user is of the office.
        statuses: Codes of the statuses that the user may set.
    """

    id: str
    office: bool
    statuses: frozenset[str]


class Access:
    """The access to the records of classes.

    Args:
        classes: Service of the classes.
        roles: Roles of the app, which decide who is of the office.
        statuses: Statuses of the app, which name the roles that set them.
    """

    def __init__(self, classes: ClassService, roles: Roles, statuses: StatusRegistry) -> None:
        self._classes = classes
        self._roles = roles
        self._statuses = statuses

    def reads_classes(self, principal: Principal) -> bool:
        """Tell whether the principal's role reads records of others at all."""
        return READ in self._roles.permissions_of(principal.role)

    async def class_for(self, class_id: str, principal: Principal, permission: str) -> ClassRoom:
        """Return a class whose records the principal may use.

        Args:
            class_id: ``_id`` of the class.
            principal: A teacher of the class, somebody whom a plugin grants the permission, or the
                office.
            permission: Name of the permission.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The principal has no such permission for this class.
        """
        if self._is_office(principal):
            return await self._classes.get(class_id)
        return await self._classes.allowed(class_id, principal, permission)

    def author(self, principal: Principal) -> Author:
        """Return what a principal may set in a class whose records they may change."""
        if self._is_office(principal):
            return Author(principal.id, office=True, statuses=frozenset(self._statuses.codes))
        return Author(
            principal.id,
            office=False,
            # Whoever is granted a class calls its roll as a teacher does.
            statuses=frozenset(self._statuses.set_by("teacher")),
        )

    def _is_office(self, principal: Principal) -> bool:
        return OFFICE in self._roles.permissions_of(principal.role)
