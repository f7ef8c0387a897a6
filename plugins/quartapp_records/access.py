"""Who reads and changes the records of which class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bson import ObjectId

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
        if self.is_office(principal):
            return await self._classes.get(class_id)
        return await self._classes.allowed(class_id, principal, permission)

    async def classes_for(
        self, class_ids: Collection[ObjectId], principal: Principal, permission: str
    ) -> dict[ObjectId, str]:
        """Return the names of those classes whose records the principal may use, by id.

        Args:
            class_ids: ``_id`` of each class.
            principal: A teacher of some of them, somebody whom a plugin grants the permission, or
                the office.
            permission: Name of the permission.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if self.is_office(principal):
            return await self._classes.class_names(class_ids)
        return await self._classes.names_permitted(class_ids, principal, permission)

    def author(self, principal: Principal) -> Author:
        """Return what a principal may set in a class whose records they may change."""
        if self.is_office(principal):
            return Author(principal.id, office=True, statuses=frozenset(self._statuses.codes))
        return Author(
            principal.id,
            office=False,
            # Whoever is granted a class calls its roll as a teacher does.
            statuses=frozenset(self._statuses.set_by("teacher")),
        )

    def is_office(self, principal: Principal) -> bool:
        """Tell whether the principal is of the office, whose every class is."""
        return OFFICE in self._roles.permissions_of(principal.role)
