"""Grants: permissions for one resource that plugins give a principal beyond the role."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from quartapp.identity.principal import Principal

    Ask = Callable[[Principal, str, Mapping[str, object]], Awaitable[bool]]

REMEMBERED_GRANTS = 10_000


class Grants:
    """Asks plugins for grants, and remembers each answer while its version stays the same.

    Args:
        ask: Function that asks the plugins; None if no plugin grants anything.
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
        """Tell whether a plugin grants ``principal`` a permission that the role does not give.

        Args:
            principal: The caller.
            permission: Name of the permission, such as ``books:lend``.
            resource: Ids of the resource by their names: ``{"book_id": "..."}``.
            version: Hashable value of the data behind the answer, such as a list of members. The
                answer is remembered for this version; without a version, plugins are asked each
                time.

        Raises:
            HookFailedError: A plugin raised, hung, or returned no bool.
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
