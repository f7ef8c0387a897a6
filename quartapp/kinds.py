"""The types of what authors declare: a mistake is told in one sentence when it is declared."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(NamedTuple):
    """A type of values.

    Attributes:
        words: The type in words, with an article.
        fits: Function that tells whether a value has the type.
    """

    words: str
    fits: Callable[[object], bool]


def a(kind: type | tuple[type, ...], words: str) -> Kind:
    """Return the type of the instances of a class, or of one of several classes."""
    return Kind(words, lambda value: isinstance(value, kind))


def subclass(base: type, words: str) -> Kind:
    """Return the type of the subclasses of a class."""
    return Kind(words, lambda value: isinstance(value, type) and issubclass(value, base))


def optional(kind: Kind) -> Kind:
    """Return the type of a value that may be None."""
    return Kind(f"{kind.words} or None", lambda value: value is None or kind.fits(value))


def several(kind: Kind) -> Kind:
    """Return the type of tuples, lists and sets of values; a text is none of these."""

    def fits(value: object) -> bool:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            return False
        return not isinstance(value, list | tuple | set | frozenset) or all(map(kind.fits, value))

    return Kind(f"a tuple or a list, each item {kind.words}", fits)


def _is_async(value: object) -> bool:
    if not callable(value):
        return False
    # Of a function of another kind, only a call can tell what it returns.
    function = inspect.unwrap(value)
    plain = inspect.isfunction(function) or inspect.ismethod(function)
    return not plain or function.__name__ == "<lambda>" or inspect.iscoroutinefunction(function)


TEXT = a(str, "a text")
TRUTH = a(bool, "True or False")
NUMBER = Kind(
    "a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)
)
WHOLE = Kind("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool))
MAPPING = a(Mapping, "a mapping")
CLASS = a(type, "a class")
MODEL = subclass(BaseModel, "a pydantic model")
ASYNC = Kind("an async function", _is_async)


def check(what: str, value: object, kind: Kind) -> None:
    """Refuse a value of another type.

    Args:
        what: What the value is, with its owner.
        value: The value.
        kind: The type that the value has to have.

    Raises:
        TypeError: The value has another type; the message is one sentence.
    """
    if not kind.fits(value):
        told = repr(value)
        told = told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."
        raise TypeError(f"{what} has to be {kind.words}, and is {told}")


def misfit(returned: object, kinds: Mapping[str, Kind]) -> str | None:
    """Find an attribute of another type, where its value may be nobody's to read.

    Args:
        returned: An object that an author returned.
        kinds: Types of attributes, by name.

    Returns:
        One sentence about the first such attribute, without its value; None without one.
    """
    for attribute, kind in kinds.items():
        value = getattr(returned, attribute)
        if not kind.fits(value):
            what = f"{type(returned).__name__}: {attribute}"
            return f"{what} has to be {kind.words}, got {described(value)}"
    return None


def described(value: object) -> str:
    """Return the type of a value; of a class, which an author forgot to call, its name."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def check_all(declared: object, **kinds: Kind) -> None:
    """Refuse a declaration that has an attribute of another type.

    Args:
        declared: The declaration.
        kinds: Types of attributes, by name.

    Raises:
        TypeError: An attribute has another type; the message is one sentence.
    """
    name = getattr(declared, "name", getattr(declared, "id", ""))
    owner = f"{type(declared).__name__} {name}".strip() if isinstance(name, str) else ""
    for attribute, kind in kinds.items():
        what = f"{owner or type(declared).__name__}: {attribute}"
        check(what, getattr(declared, attribute), kind)


_LONGEST = 100
