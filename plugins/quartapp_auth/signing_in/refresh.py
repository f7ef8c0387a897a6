"""Questions to other systems about the present state of their people."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog

from quartapp import CredentialsRefusedError, HookFailedError, SignInUnavailableError
from quartapp_auth.errors import UserNotFoundError

if TYPE_CHECKING:
    from quartapp import Clock, Plugins, Principal
    from quartapp_auth.service import UserService

log = structlog.get_logger("quartapp.auth")

# Pause after the other system was unreachable, or a plugin failed.
RETRY_SECONDS = 60.0
REMEMBERED_PEOPLE = 100_000


class Outcome(Enum):
    """What a question about a person came to."""

    SAME = auto()
    CHANGED = auto()
    REFUSED = auto()


class Refresher:
    """Asks the hook ``refresh_account`` about active people, about each at most once a period.

    Args:
        plugins: The plugins that know the other systems.
        users: Service of the accounts.
        clock: Clock that measures the period.
        minutes: The period, in minutes.
    """

    def __init__(self, plugins: Plugins, users: UserService, clock: Clock, minutes: float) -> None:
        self._plugins = plugins
        self._users = users
        self._time = clock.time
        self.seconds = minutes * 60
        self._due: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[Outcome]] = {}

    def is_due(self, principal: Principal) -> bool:
        """Tell whether it is time to ask about a person.

        Args:
            principal: The person.
        """
        due = self._due.get(principal.id)
        if due is None:
            # A person who has just signed in was checked just now.
            due = float(principal.claims.get("iat", 0)) + self.seconds
        return self._time() >= due

    async def ask(self, principal: Principal) -> Outcome:
        """Ask about a person; simultaneous questions about the same person share one answer.

        Args:
            principal: The person.

        Returns:
            ``SAME`` when the account is as before, ``CHANGED`` when it may have changed, and
            ``REFUSED`` when another system does not know the person any longer.

        Raises:
            DatabaseUnavailableError: The account cannot be changed now.
        """
        task = self._asking.get(principal.id)
        if task is None:
            task = asyncio.create_task(self._ask(principal))
            self._asking[principal.id] = task
            task.add_done_callback(lambda _: self._asking.pop(principal.id, None))
        # A cancelled request must not cancel the question for the others.
        return await asyncio.shield(task)

    async def _ask(self, principal: Principal) -> Outcome:
        try:
            identity = await self._plugins.refresh_account(principal)
        except CredentialsRefusedError:
            await self._end(principal)
            self._ask_again(principal, self.seconds)
            return Outcome.REFUSED
        except (SignInUnavailableError, HookFailedError) as error:
            # An unreachable directory must not keep people from a lesson.
            log.warning("account not refreshed", user=principal.id, reason=str(error))
            self._ask_again(principal, RETRY_SECONDS)
            return Outcome.SAME
        if identity is not None:
            try:
                await self._users.follow(principal.id, identity)
            except UserNotFoundError:
                return Outcome.CHANGED
        self._ask_again(principal, self.seconds)
        return Outcome.SAME if identity is None else Outcome.CHANGED

    async def _end(self, principal: Principal) -> None:
        with suppress(UserNotFoundError):
            await self._users.revoke(principal.id)
        log.info("another system does not know a person any longer", user=principal.id)

    def _ask_again(self, principal: Principal, seconds: float) -> None:
        if len(self._due) >= REMEMBERED_PEOPLE:
            self._due.clear()
        self._due[principal.id] = self._time() + seconds
