"""Which tokens still count: account states in this process, kept up to date by the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from bson import ObjectId

from quartapp import AccountGoneError, DatabaseUnavailableError, Hearing, InvalidTokenError
from quartapp_auth.accounts.users import token_name
from quartapp_auth.signing_in.refresh import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from quartapp import Clock, Hub, Principal
    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.accounts.users import AccountState
    from quartapp_auth.signing_in.refresh import Refresher

log = structlog.get_logger("quartapp.auth")

# Some 20 MB. A process that meets more accounts forgets all, and reads each again.
REMEMBERED_ACCOUNTS = 100_000
ACCOUNTS_PER_READ = 1000
# Pause between two looks for open sockets whose people are to be asked about.
LOOK_SECONDS = 60.0
ASKED_AT_ONCE = 10


class AccountStates:
    """Tells tokens that count from tokens that do not; a :class:`~quartapp.Standing`.

    An account is read once, and again after it has changed. While the store is silent, each check
    reads.

    Args:
        store: Where accounts are kept.
        hub: Has the sockets to close.
        clock: Measures silence.
        refresher: Asks other systems about their people; None where no plugin does.
    """

    def __init__(
        self, store: UserStore, hub: Hub, clock: Clock, refresher: Refresher | None
    ) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._refresher = refresher
        self._known: dict[str, AccountState | None] = {}
        self._unread: set[str] = set()
        # States of connected people before changes that are not reviewed yet.
        self._before: dict[str, AccountState] = {}
        self._hearing = Hearing(
            clock, store.changes, self._told, what="account states", logger="quartapp.auth"
        )
        # The number grows with each change: states that were read before may be out of date.
        self._changes = 0

    async def check(self, principal: Principal) -> None:
        """Let the principal pass, or refuse.

        Raises:
            InvalidTokenError: The account is disabled, or the token's number is not the account's.
            AccountGoneError: The account was deleted.
            DatabaseUnavailableError: The account cannot be looked up now.
        """
        if self._refresher is not None and self._refresher.is_due(principal):
            await self._check(principal)
            if await self._refresher.ask(principal) is not Outcome.SAME:
                self._forget([principal.id])
        await self._check(principal)

    def joined(self, principal: Principal) -> bool:
        """Tell whether the principal's socket, which joins now, may stay."""
        if principal.id not in self._known:
            # The account changed while the socket was opened.
            self._unread.add(principal.id)
            return True
        return _fault(principal, self._known[principal.id]) is None

    async def look_again(self, user_id: str) -> None:
        """Read an account that this process has changed, and close sockets that may not stay.

        Args:
            user_id: ``_id`` of the account.

        Raises:
            DatabaseUnavailableError: The account cannot be read now.
        """
        self._forget([user_id])
        await self._review([user_id])

    async def run(self) -> None:
        """Keep the known states up to date, until cancelled."""
        await self._hearing.run()

    async def ask_about_sockets(self) -> None:
        """Ask other systems about people with open sockets, who may send nothing, until cancelled.

        The refresher says who is due, so a person who sends requests as well is asked about once.
        """
        refresher = self._refresher
        while refresher is not None:
            await self._clock.sleep(min(LOOK_SECONDS, refresher.seconds))
            principals = [connection.principal for connection in self._hub]
            due = {one.id: one for one in principals if refresher.is_due(one)}
            waiting = list(due.values())
            for first in range(0, len(waiting), ASKED_AT_ONCE):
                some = waiting[first : first + ASKED_AT_ONCE]
                await asyncio.gather(*(self._ask_about(refresher, one) for one in some))

    async def _ask_about(self, refresher: Refresher, principal: Principal) -> None:
        try:
            outcome = await refresher.ask(principal)
            if outcome is Outcome.REFUSED:
                # Nobody else knows of a person without an account here.
                for connection in self._hub.of(principal.id):
                    connection.refuse()
            if outcome is not Outcome.SAME:
                self._forget([principal.id])
                await self._review([principal.id])
        except DatabaseUnavailableError as error:
            log.warning("account not refreshed", user=principal.id, reason=str(error))
        except Exception as error:
            log.exception("account not refreshed", user=principal.id, exc_info=error)

    async def _check(self, principal: Principal) -> None:
        if self._hearing.is_fresh and principal.id in self._known:
            state = self._known[principal.id]
        else:
            state = await self._read(principal.id)
        fault = _fault(principal, state)
        if fault is not None:
            raise fault

    async def _read(self, user_id: str) -> AccountState | None:
        changes = self._changes
        key = ObjectId(user_id)
        state = (await self._store.states([key])).get(key)
        if changes == self._changes:
            if len(self._known) >= REMEMBERED_ACCOUNTS:
                self._known.clear()
            self._known[user_id] = state
        return state

    async def _told(self, ids: Collection[ObjectId] | None) -> None:
        if ids is None:
            self._forget(list(self._known))
            await self._review({connection.principal.id for connection in self._hub})
            return
        changed = {str(key) for key in ids} | self._unread
        if changed:
            self._forget(changed)
            await self._review(user for user in changed if self._hub.of(user))

    def _forget(self, user_ids: Iterable[str]) -> None:
        self._changes += 1
        for user_id in user_ids:
            state = self._known.pop(user_id, None)
            if state is not None and self._hub.of(user_id):
                self._before.setdefault(user_id, state)

    async def _review(self, user_ids: Iterable[str]) -> None:
        """Read the accounts of people who are connected, and close what they may not have."""
        ids = list(user_ids)
        for first in range(0, len(ids), ACCOUNTS_PER_READ):
            some = ids[first : first + ACCOUNTS_PER_READ]
            changes = self._changes
            states = await self._store.states([ObjectId(user_id) for user_id in some])
            for user_id in some:
                self._unread.discard(user_id)
                state = states.get(ObjectId(user_id))
                if changes == self._changes:
                    self._known[user_id] = state
                before = self._before.pop(user_id, None)
                revoked = before is not None and (state is None or state.ver != before.ver)
                for connection in self._hub.of(user_id):
                    principal = connection.principal
                    # Credentials of another kind have no number: they are to be shown again.
                    shown_again = revoked and not _has_token(principal)
                    if shown_again or _fault(principal, state) is not None:
                        connection.refuse()
        self._unread = {user_id for user_id in self._unread if self._hub.of(user_id)}
        self._before = {user: state for user, state in self._before.items() if self._hub.of(user)}


def _has_token(principal: Principal) -> bool:
    """Tell whether a principal has a token of this server, and not credentials of another kind."""
    claims = principal.claims
    return claims.get("id") == principal.id and "iat" in claims


def _fault(principal: Principal, state: AccountState | None) -> InvalidTokenError | None:
    """Find why a principal's credentials do not count, if they do not."""
    has_token = _has_token(principal)
    # A principal with other credentials, such as a program with a key, may have no account.
    if state is None:
        return AccountGoneError("the account is gone") if has_token else None
    if state.disabled:
        return InvalidTokenError("the account is disabled")
    if has_token and principal.claims.get("ver", 0) != state.ver:
        return InvalidTokenError("the token was revoked")
    if state.ended and has_token and token_name(principal.claims) in state.ended:
        return InvalidTokenError("the person has signed out")
    return None
