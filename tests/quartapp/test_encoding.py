# ruff: noqa: RUF001 - these are letters that people have in names
"""The keys of names: what is one name, and what is two. Texts for terminals."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from quartapp import name_key, printable

FORMS = ("NFC", "NFD", "NFKC", "NFKD")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Algebra", "ALGEBRA"),
        ("Straße", "STRASSE"),
        ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
        ("Ångström", "A\u030angstro\u0308m"),
        ("ﬁlm", "Film"),
        ("Ｄ１", "d1"),
        ("ｻｸﾗ", "サクラ"),
        ("Ǆ", "ǆ"),
    ],
)
def test_case_and_form_make_no_other_name(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("さくら組", "サクラ組"),
        ("José", "Jose"),
        ("Art \u2665", "Art \u2665\ufe0f"),
        ("日本", "日 本"),
        ("Işık", "Isık"),
        ("1-A", "1A"),
    ],
)
def test_everything_else_makes_another_name(one, other):
    assert name_key(one) != name_key(other)


def test_key_is_the_same_for_each_form_of_each_character():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in {"Cn", "Cs"}:
            continue
        text = f"a{character}b"
        key = name_key(text)
        forms = {name_key(unicodedata.normalize(form, text)) for form in FORMS}
        assert forms | {name_key(text.casefold()), name_key(key)} == {key}, hex(code)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("José さくら 👩‍🏫", "José さくら 👩‍🏫"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\r\nb\tc\0\x7f", "a\\r\\nb\\tc\\x00\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb\u2066c\u2028", "a\\u202eb\\u2066c\\u2028"),
        ("\ud800", "\\ud800"),
    ],
)
def test_terminal_shows_a_text_and_does_not_obey_it(text, shown):
    assert printable(text) == shown
    assert printable(text).encode().decode() == shown
