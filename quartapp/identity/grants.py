"""Grants: what a plugin allows somebody for one thing, beyond the role."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from quartapp.identity.principal import Principal

    Ask = Callable[[Principal, str, Mapping[str, object]], Awaitable[bool]]

REMEMBERED_GRANTS = 10_000


class Grants:
    """Asks plugins what they allow, and remembers the answers for as long as they hold.

    Args:
        ask: Asks the plugins; None where no plugin grants anything, so that nothing is asked.
    """

    def __init__(self, ask: Ask | None) -> None:
        self._ask = ask
        self._remembered: OrderedDict[tuple[object, ...], bool] = OrderedDict()

    @property
    def in_use(self) -> bool:
        """Whether any plugin grants anything."""
        return self._ask is not None

    async def allow(
        self,
        principal: Principal,
        permission: str,
        resource: Mapping[str, object],
        version: object = None,
    ) -> bool:
        """Tell whether a plugin allows ``principal`` something that the role does not.

        Args:
            principal: Who wants to do it.
            permission: What: ``books:lend``.
            resource: To what, by the names of its ids: ``{"book_id": "..."}``.
            version: Of what the answer depends on, such as a list of members; the answer is
                remembered with it, and asked anew with another one. Without a version it is asked
                each time.

        Raises:
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        if self._ask is None:
            return False
        if version is None:
            return await self._ask(principal, permission, resource)
        key = (principal.id, principal.role, permission, version, *sorted(resource.items()))
        known = self._remembered.get(key)
        if known is None:
            known = self._remembered[key] = await self._ask(principal, permission, resource)
            if len(self._remembered) > REMEMBERED_GRANTS:
                self._remembered.popitem(last=False)
        return known
