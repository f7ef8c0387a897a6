"""The comparison of declared indexes, which finds a conflict before MongoDB refuses an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp.database.database import Model

OWN_COLLECTIONS = ("leases", "readiness")
"""Collections of the core, which no plugin may use."""


def conflicting_index(models: Iterable[type[Model]]) -> str | None:
    """Find a key pattern with two indexes of different options, which MongoDB refuses.

    Args:
        models: The models of one collection.

    Returns:
        The fields of the key, such as ``owner, -date``; None without a conflict.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for model in models:
        for spec in model.index_specs():
            options = dict(spec)
            key = tuple(options.pop("fields"))
            if found.setdefault(key, options) != options:
                return ", ".join(f"{'-' * (order == -1)}{name}" for name, order in key)
    return None
