"""Indexes as models declare them, compared before MongoDB refuses one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp.database.database import Model

OWN_COLLECTIONS = ("leases", "readiness")
"""What the core keeps, and no plugin may."""


def conflicting_index(models: Iterable[type[Model]]) -> str | None:
    """Find a key pattern with two indexes of different options, which MongoDB does not make.

    Args:
        models: Those of one collection.

    Returns:
        The fields of the key, such as ``owner, -date``; None when all indexes get along.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for model in models:
        for spec in model.index_specs():
            options = dict(spec)
            key = tuple(options.pop("fields"))
            if found.setdefault(key, options) != options:
                return ", ".join(f"{'-' * (order == -1)}{name}" for name, order in key)
    return None
