"""The access that a route or an event requires of its caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp.kinds import TEXT, TRUTH, check_all, optional

if TYPE_CHECKING:
    from quartapp.identity.principal import Principal
    from quartapp.identity.roles import Roles


@dataclass(frozen=True, slots=True)
class Access:
    """The access that a route requires: none, a sign-in, one role, or a permission.

    Attributes:
        signed_in: Whether the caller must be signed in.
        role: The role that the refusal names; without a permission, the only role that may call.
        permission: The permission that the caller needs, by role or by a plugin's ``Grant``.
    """

    signed_in: bool
    role: str | None = None
    permission: str | None = None

    def __post_init__(self) -> None:
        """Refuse attributes of other types.

        Raises:
            TypeError: An attribute has another type.
        """
        check_all(self, signed_in=TRUTH, role=optional(TEXT), permission=optional(TEXT))

    def allows(self, principal: Principal, roles: Roles) -> bool:
        """Tell whether ``principal`` may call by role; a grant may still allow a call."""
        return allows_by_role(principal, roles, role=self.role, permission=self.permission)

    @property
    def refusal(self) -> str:
        """The message for a caller without access."""
        return f"Forbidden, {self.role} access required"

    @property
    def label(self) -> str:
        """The name of the access in the OpenAPI document, ``public``, ``any``, or the role."""
        return (self.role or "any") if self.signed_in else "public"


def allows_by_role(
    principal: Principal, roles: Roles, *, role: str | None, permission: str | None
) -> bool:
    """Tell whether the role of ``principal`` gives access to a route or an event.

    Args:
        principal: The caller.
        roles: The roles of the app, with their permissions.
        role: The required role, if there is no permission; None for any role.
        permission: The required permission; None if the role decides.
    """
    if permission is not None:
        return permission in roles.permissions_of(principal.role)
    return role is None or principal.role == role


PUBLIC = Access(signed_in=False)
SIGNED_IN = Access(signed_in=True)


def role(name: str) -> Access:
    """Return access for one role alone."""
    return Access(signed_in=True, role=name)


def permission(name: str, *, role: str) -> Access:
    """Return access for every caller with a permission.

    Args:
        name: Name of the permission, such as ``books:lend``.
        role: The role that the refusal names: ``Forbidden, librarian access required``.
    """
    return Access(signed_in=True, role=role, permission=name)
