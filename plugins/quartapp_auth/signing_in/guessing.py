"""The limits on failed sign-ins, which make guessing passwords slow.

Three counters limit an attempt: one of the account and the network together, one of the account,
and one of the network. Only failures count, so a school behind one address can sign in at once.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING, TypeVar

from quartapp import client_address
from quartapp_auth.accounts.users import username_key
from quartapp_auth.errors import TooManyFailuresError, UserNotFoundError, WrongPasswordError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from quartapp import Clock, Tokens
    from quartapp_auth.accounts.users import User
    from quartapp_auth.metrics import AuthMetrics
    from quartapp_auth.signing_in.failure_counts import Counted, FailureCounts, Limit

Result = TypeVar("Result")

# A provider gives a customer a whole IPv6 network of this size (RFC 6177), and often more.
IPV6_BITS = 64
IPV4_BITS = 24


@dataclass(frozen=True, slots=True)
class Network:
    """The network that an attempt comes from.

    Attributes:
        name: The network in CIDR notation, or a name for clients without an address.
        loopback: Whether the client is on this machine.
    """

    name: str
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the three counters."""

    pair: Limit
    account: Limit
    network: Limit


class Guessing:
    """Refuses attempts to sign in after many failures.

    All processes of an installation share the counters. The counters of an attempt are read before
    and after the password is checked, so guesses that are under way side by side get no further
    than guesses one after the other.

    Args:
        counts: The stored counters.
        limits: Limits of the counters.
        tokens: Tokens whose secret keeps the names of accounts and networks out of the database.
        clock: Clock that measures waits.
        metrics: Metrics of failures and refusals.
        what: What is counted. Each such text has counters of its own.
    """

    def __init__(
        self,
        counts: FailureCounts,
        limits: Limits,
        tokens: Tokens,
        clock: Clock,
        metrics: AuthMetrics,
        what: str = "failed sign-ins",
    ) -> None:
        self._counts = counts
        self._limits = limits
        self._key = tokens.derived_key(what)
        self._clock = clock
        self._metrics = metrics

    async def attempt(
        self, account: str, address: str | None, verify: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Return what ``verify`` returns, unless there were too many failures.

        Args:
            account: Id of the account; the address or username if there is no account.
            address: Network address of the client; None if the client has no known address.
            verify: Function that checks the credentials. It raises :class:`UserNotFoundError` or
                :class:`WrongPasswordError` for a failure, which counts.

        Raises:
            TooManyFailuresError: One of the limits is reached.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        network = network_of(address)
        pair, limits = self._counters(account, network)
        await self._read(pair, limits)
        try:
            result = await verify()
        except (UserNotFoundError, WrongPasswordError) as error:
            self._metrics.failures.inc()
            await self._count(pair, limits, error)
            raise
        found = await self._read(pair, limits)
        await self._succeeded(pair, found, network)
        return result

    async def count(self, account: str, address: str | None) -> None:
        """Count a request like a failure, whatever comes of the request, or refuse.

        Args:
            account: What the request is about.
            address: Network address of the client; None if the client has no known address.

        Raises:
            TooManyFailuresError: One of the limits is reached.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        pair, limits = self._counters(account, network_of(address))
        await self._read(pair, limits)
        await self._count(pair, limits)

    def _counters(self, account: str, network: Network) -> tuple[str, dict[str, Limit]]:
        """Return the name of the pair's counter, and the limits of all counters by name."""
        pair = self._name("pair", account, network.name)
        limits = {pair: self._limits.pair}
        if not network.loopback:
            # Behind a proxy that tells no address, everybody seems to come from this machine.
            limits[self._name("account", account)] = self._limits.account
            limits[self._name("network", network.name)] = self._limits.network
        return pair, limits

    def _name(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256").hex()

    async def _read(self, pair: str, limits: Mapping[str, Limit]) -> Counted:
        """Return the counter of a pair, unless one of the counters is at its limit."""
        now = self._clock.now()
        found = await self._counts.read(limits, now)
        self._refuse(pair, limits, found, now)
        return found[pair]

    async def _count(
        self, pair: str, limits: Mapping[str, Limit], error: Exception | None = None
    ) -> None:
        now = self._clock.now()
        before = await asyncio.gather(
            *(self._counts.fail(name, limit, now) for name, limit in limits.items())
        )
        # A guess that was under way when the limit was reached must not tell its outcome.
        self._refuse(pair, limits, dict(zip(limits, before, strict=True)), now, error)

    def _refuse(
        self,
        pair: str,
        limits: Mapping[str, Limit],
        found: Mapping[str, Counted],
        now: datetime,
        cause: Exception | None = None,
    ) -> None:
        is_known = found[pair].is_known(now)
        for name, limit in limits.items():
            if limit is self._limits.account and is_known:
                # Failures elsewhere keep nobody out where the person has signed in before.
                continue
            until = found[name].waits_until
            if until is not None and until > now:
                self._metrics.refused.labels(limit.name).inc()
                raise TooManyFailuresError((until - now).total_seconds()) from cause

    async def _succeeded(self, pair: str, found: Counted, network: Network) -> None:
        now = self._clock.now()
        if network.loopback:
            if found.failures:
                await self._counts.forget(pair)
        elif found.failures or not found.is_known_for_long(now):
            await self._counts.know(pair, now)


def counted_as(identifier: str, account: User | None) -> str:
    """Return the name under which failed sign-ins of an account are counted.

    Address and username of one account have one name, in whatever case and form they are.

    Args:
        identifier: E-mail address in lower case, or username; only an address has an ``@``.
        account: The account with that address or username; None if there is none.
    """
    return str(account.id) if account else username_key(identifier) or identifier


def network_of(address: str | None) -> Network:
    """Return the network of a client.

    Args:
        address: Network address of the client; None if the client has no known address.
    """
    found = client_address(address)
    if found is None:
        return Network("unknown")
    bits = IPV4_BITS if isinstance(found, IPv4Address) else IPV6_BITS
    return Network(str(ip_network((int(found), bits), strict=False)), found.is_loopback)
