"""What a route asks of its caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quartapp.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller: nothing, a sign-in, or one role."""

    signed_in: bool
    role: str | None = None

    def allows(self, principal: Principal) -> bool:
        """Tell whether ``principal`` has the role that is asked for, if any is."""
        return self.role is None or principal.role == self.role

    @property
    def refusal(self) -> str:
        """The message for a caller of another role."""
        return f"Forbidden, {self.role} access required"

    @property
    def label(self) -> str:
        """Name in the OpenAPI document; ``public``, ``any``, or the role."""
        return (self.role or "any") if self.signed_in else "public"


PUBLIC = Access(signed_in=False)
SIGNED_IN = Access(signed_in=True)


def role(name: str) -> Access:
    """Access for one role alone."""
    return Access(signed_in=True, role=name)
