"""Which passwords are good enough for accounts that are made or changed from now on."""

from __future__ import annotations

import functools
import re
import unicodedata
from importlib.resources import files
from typing import TYPE_CHECKING

from quartapp_auth.errors import (
    OF_THE_PERSON,
    OF_THE_SCHOOL,
    SCHOOL_WORD,
    TOO_COMMON,
    TOO_SHORT,
    UnfitPasswordError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST = 8
PRODUCT = "quartapp"
# A shorter word with a few digits is still one of many.
SHORTEST_WORD = 3
_LIST = "common_passwords.txt"
_SEPARATORS = re.compile(r"[\W_]+")
_AROUND = re.compile(r"^[\d\W_]+|[\d\W_]+$")


class PasswordRule:
    """The rule about new passwords of one server.

    With open registration, a password of 6 characters is long enough, as the contract promises, and
    this rule refuses none. Everywhere else a new password has ``SHORTEST`` characters or more, and
    is neither common nor a word that belongs to the person or to the school, whatever digits and
    signs are around the word.

    Args:
        is_open: Whether registration is open.
        school_words: Names of the school.
    """

    def __init__(self, is_open: bool, school_words: Iterable[str] = ()) -> None:
        self._is_open = is_open
        self._school = frozenset(_words((PRODUCT, *school_words)))

    def check(self, password: str, *owner: str | None) -> None:
        """Let a new password pass, or refuse.

        Args:
            password: Password in clear text.
            owner: Name, address and username of the account; None for what the account lacks.

        Raises:
            UnfitPasswordError: The password is not good enough; the text gives the reason.
        """
        if self._is_open:
            return
        if len(password) < SHORTEST:
            raise UnfitPasswordError(TOO_SHORT)
        plain = _plain(password)
        if plain in common_passwords():
            raise UnfitPasswordError(TOO_COMMON)
        bare = _bare(plain)
        if not bare:
            return
        own = [text for text in owner if text]
        if bare in set(_words(own)):
            raise UnfitPasswordError(OF_THE_PERSON)
        if bare in self._school or bare in set(_words(_domains(own))):
            raise UnfitPasswordError(OF_THE_SCHOOL)

    def check_words(self, password: str, texts: Iterable[str]) -> None:
        """Let a new password pass, or refuse one that is a further word of the school.

        Where registration is open, nobody asks for such words.

        Args:
            password: Password in clear text.
            texts: Texts that are no passwords, such as the names of the person's classes.

        Raises:
            UnfitPasswordError: The password is one of the texts, or a word of one.
        """
        if _bare(_plain(password)) in set(_words(texts)):
            raise UnfitPasswordError(SCHOOL_WORD)


@functools.cache
def common_passwords() -> frozenset[str]:
    """Return the 10,000 most common passwords of ``SHORTEST`` characters or more.

    The list is the beginning of the list of passwords in zxcvbn 4.5.0 (MIT), without the shorter
    ones, in alphabetical order.
    """
    text = (files(__package__) / _LIST).read_text(encoding="utf-8")
    return frozenset(text.split())


def _words(texts: Iterable[str]) -> Iterator[str]:
    """Yield each text as a whole and word by word; of an address, the part before the ``@``."""
    for text in texts:
        plain = _plain(text.partition("@")[0])
        for word in (plain, *_SEPARATORS.split(plain)):
            # What is compared has no digits around, and an address may have.
            bare = _bare(word)
            if len(bare) >= SHORTEST_WORD:
                yield bare


def _domains(texts: Iterable[str]) -> Iterator[str]:
    """Yield the labels of the domain of each address, without the last, such as ``com``."""
    for text in texts:
        yield from text.partition("@")[2].split(".")[:-1]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _bare(plain: str) -> str:
    return _joined(_AROUND.sub("", plain))


def _joined(text: str) -> str:
    return _SEPARATORS.sub("", text)
