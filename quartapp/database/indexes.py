"""The indexes that models declare: they are compared at build, and made when the database opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo.errors import OperationFailure

from quartapp.database.outages import is_denied, is_passing, server_message
from quartapp.errors import DatabaseConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quartapp.database.model import Model

OWN_COLLECTIONS = ("audit", "audit_end", "audit_pending", "leases", "readiness")
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


def ensure_indexes(models: Iterable[type[Model]]) -> None:
    """Make the indexes of models that are missing; for a thread to which models are bound.

    Args:
        models: The models.

    Raises:
        DatabaseConfigurationError: MongoDB refuses an index.
        OperationFailure: MongoDB denies access.
    """
    for model in models:
        try:
            model.ensure_indexes()
        except OperationFailure as error:
            if is_passing(error) or is_denied(error):
                raise
            raise DatabaseConfigurationError(
                f"MongoDB refused the indexes that {model.__module__}.{model.__qualname__} "
                f"declares for the collection {model.collection()}: {server_message(error)}"
            ) from error
