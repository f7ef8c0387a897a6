"""Who may register: everybody, students, people with an invitation, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from quartapp_auth.errors import InvitationNeededError, RegistrationClosedError
from quartapp_auth.roles import BaseRole

if TYPE_CHECKING:
    from quartapp import Settings
    from quartapp_auth.settings import RegistrationSetting

log = structlog.get_logger("quartapp.auth")


@dataclass(frozen=True, slots=True)
class RegistrationRule:
    """The rule about registration on one server.

    Attributes:
        setting: The setting ``registration``, or its default on this server.
        local: Whether only this machine reaches the server.
    """

    setting: RegistrationSetting
    local: bool

    @property
    def is_open(self) -> bool:
        """Whether everybody may register with any role, and learn which addresses have accounts."""
        return self.setting == "open"

    def warn(self) -> None:
        """Log that people from elsewhere can make accounts for themselves, if they can."""
        if self.setting in ("open", "students") and not self.local:
            log.warning("whoever reaches this server can register", registration=self.setting)

    def check_invited(self) -> None:
        """Let somebody with an invitation register, or refuse.

        Raises:
            RegistrationClosedError: Nobody may register.
        """
        if self.setting == "closed":
            raise RegistrationClosedError

    def check(self, role: str) -> None:
        """Let somebody without an invitation register, or refuse.

        Args:
            role: Role that the person wants.

        Raises:
            RegistrationClosedError: Nobody may register.
            InvitationNeededError: An invitation is needed for this role.
        """
        self.check_invited()
        if self.is_open or (self.setting == "students" and role == BaseRole.STUDENT):
            return
        raise InvitationNeededError


def rule_for(setting: RegistrationSetting | None, server: Settings) -> RegistrationRule:
    """Return the rule of a server.

    Args:
        setting: The setting ``registration``; None where nothing is said.
        server: Settings of the core. Only a server that nobody else reaches and that brings its own
            database, as on the machine of somebody who tries quartapp, is open by default.
    """
    by_default: RegistrationSetting = "open" if server.local and server.embedded else "invite"
    return RegistrationRule(setting or by_default, server.local)
