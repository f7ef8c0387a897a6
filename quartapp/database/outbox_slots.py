"""Slots of one process, which limit simultaneous deliveries and decide which kind is next."""

from __future__ import annotations

from collections import Counter as Tally
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quartapp.database.documents import Document

# The default for each kind. A receiver that hangs fills the slots of its own kind only.
SLOTS_PER_KIND = 8

Kind = tuple[str, str]
"""The name of a plugin, and the kind of an entry."""


class Slots:
    """The slots of one process.

    Args:
        plugins: Names of the plugins that deliver.
    """

    def __init__(self, plugins: Sequence[str]) -> None:
        self._plugins = plugins
        self._kinds: dict[str, Mapping[str, int]] = {}
        self._totals: dict[str, int] = {}
        self._taken: Tally[Kind] = Tally()
        self._turns = count()
        self._last_turn: dict[Kind, int] = {}

    def limit(self, plugin: str, kinds: Mapping[str, int], at_once: int | None) -> None:
        """Set the limits of a plugin.

        Args:
            plugin: Name of the plugin.
            kinds: Number of slots by kind; other kinds have no slot.
            at_once: Number of slots for all kinds together; None for no limit.
        """
        self._kinds[plugin] = dict(kinds)
        if at_once is not None:
            self._totals[plugin] = at_once

    def query(self) -> Document | None:
        """Return a query that selects entries with a free slot; None if no slot is free."""
        found: list[Document] = []
        for plugin in self._plugins:
            if self.is_full(plugin):
                continue
            limited = self._kinds.get(plugin)
            if limited is None:
                full = [kind for owner, kind in self._taken if not self._has_room((owner, kind))]
                found.append({"plugin": plugin, "kind": {"$nin": full}})
            else:
                free = [kind for kind in limited if self._has_room((plugin, kind))]
                found.append({"plugin": plugin, "kind": {"$in": free}})
        return {"$or": found} if found else None

    def take(self, kind: Kind) -> bool:
        """Take a slot; return whether one was free.

        Args:
            kind: Plugin and kind of the entry.
        """
        if self.is_full(kind[0]) or not self._has_room(kind):
            return False
        self._taken[kind] += 1
        self._last_turn[kind] = next(self._turns)
        return True

    def give_back(self, kind: Kind) -> None:
        """Give a slot back.

        Args:
            kind: Plugin and kind of the entry.
        """
        self._taken[kind] -= 1
        if not self._taken[kind]:
            del self._taken[kind]

    def last_turn(self, kind: Kind) -> int:
        """Return a number that says when a kind last took a slot; it is higher for a later time.

        Args:
            kind: Plugin and kind of the entry.
        """
        return self._last_turn.get(kind, -1)

    def is_full(self, plugin: str) -> bool:
        """Tell whether a plugin has no free slot for any kind.

        Args:
            plugin: Name of the plugin.
        """
        most = self._totals.get(plugin)
        if most is None:
            return False
        return sum(n for (owner, _), n in self._taken.items() if owner == plugin) >= most

    def _has_room(self, kind: Kind) -> bool:
        limited = self._kinds.get(kind[0])
        most = SLOTS_PER_KIND if limited is None else limited.get(kind[1], 0)
        return self._taken[kind] < most
