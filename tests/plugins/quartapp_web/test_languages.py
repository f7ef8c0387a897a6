"""Each language is complete, and its compiled catalogue is what its texts say."""

from __future__ import annotations

import io
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import quartapp_web

FOLDER = Path(quartapp_web.__file__).parent
CATALOGUES = sorted(FOLDER.glob("locale/*/LC_MESSAGES/web.po"))
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
TRIMMED = {"templates/**.html": {"trimmed": "true", "silent": "false"}}


def texts():
    found = extract_from_dir(FOLDER, METHODS, TRIMMED)
    return {message for _, _, message, _, _ in found}


def read(path):
    return read_po(io.BytesIO(path.read_bytes()), locale=path.parents[1].name)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_catalogue_has_every_text_and_no_other(path):
    catalogue = read(path)
    assert {message.id for message in catalogue if message.id} == texts()
    unfinished = [m.id for m in catalogue if m.id and (m.fuzzy or not all(flat(m.string)))]
    assert unfinished == []
    assert [(m.id, m.check()) for m in catalogue if list(m.check())] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_placeholders_are_kept(path):
    for message in read(path):
        originals = flat(message.id)
        for string in flat(message.string):
            for word in ("%(name)s", "%(count)s", "{present}", "{absent}", "{unmarked}", "{name}"):
                if message.id:
                    assert (word in string) == any(word in text for text in originals), message.id


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_compiled_catalogue_is_current(path):
    compiled = io.BytesIO()
    write_mo(compiled, read(path))
    wanted = GNUTranslations(io.BytesIO(compiled.getvalue()))._catalog
    found = GNUTranslations(io.BytesIO(path.with_suffix(".mo").read_bytes()))._catalog
    # The header has the time at which it was read.
    assert found | {"": ""} == wanted | {"": ""}


def flat(text):
    return (text,) if isinstance(text, str) else tuple(text)
