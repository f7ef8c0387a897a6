"""Lazy exports of the public packages (PEP 562)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazily(
    package: str, homes: Mapping[str, tuple[str, ...]], namespace: dict[str, Any]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package whose names are imported at first use.

    Args:
        package: Name of the package.
        homes: Names that the package exports, by the module that has them.
        namespace: ``globals()`` of the package, which keeps each name once it is imported.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def get(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = value = getattr(import_module(home_of[name]), name)
        return value

    def names() -> list[str]:
        return sorted({*namespace, *home_of})

    return get, names
