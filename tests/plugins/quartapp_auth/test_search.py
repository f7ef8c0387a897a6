# ruff: noqa: RUF001 - these are letters that people have in their names
from __future__ import annotations

import unicodedata

import pytest

from quartapp import core
from quartapp_auth.accounts.mongo_store import MongoUserStore
from quartapp_auth.accounts.search import MOST_JOINTS, beginnings, folded, name_keys
from quartapp_auth.plugin import AuthPlugin

NAMES = [
    "José María Núñez",
    "Anders Ångström",
    "İbrahim Işık",
    "Weiß",
    "Σίσυφος",
    "Jean-Luc O’Brien",
    "D'Angelo",
    "Anna Lena",
]


@pytest.mark.parametrize(
    ("search", "name"),
    [
        ("jose", "José María Núñez"),
        ("JOSÉ M", "José María Núñez"),
        ("maria n", "José María Núñez"),
        ("nunez", "José María Núñez"),
        ("angstrom", "Anders Ångström"),
        ("ÅNG", "Anders Ångström"),
        ("i̇brahim", "İbrahim Işık"),
        ("IBRAHIM", "İbrahim Işık"),
        ("weiss", "Weiß"),
        ("WEISS", "Weiß"),
        ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
        ("σισυφοσ", "Σίσυφος"),
        ("jean-luc", "Jean-Luc O’Brien"),
        ("jean luc", "Jean-Luc O’Brien"),
        ("jeanluc", "Jean-Luc O’Brien"),
        ("luc", "Jean-Luc O’Brien"),
        ("o'brien", "Jean-Luc O’Brien"),
        ("oʼbr", "Jean-Luc O’Brien"),
        ("obrien", "Jean-Luc O’Brien"),
        ("brien", "Jean-Luc O’Brien"),
        ("jean-luc obrien", "Jean-Luc O’Brien"),
        ("jeanluc o'brien", "Jean-Luc O’Brien"),
        ("dangelo", "D'Angelo"),
        ("angelo", "D'Angelo"),
        ("  anna   l ", "Anna Lena"),
    ],
)
def test_student_is_found_by_the_beginning_of_a_word(search, name):
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        keys = name_keys(unicodedata.normalize(form, name))
        looked_for = beginnings(unicodedata.normalize(form, search))
        assert any(key.startswith(begin) for key in keys for begin in looked_for)


@pytest.mark.parametrize(
    ("search", "name"),
    [
        ("annal", "Anna Lena"),
        ("ann a", "Anna Lena"),
        ("nna", "Anna Lena"),
        ("lena anna", "Anna Lena"),
        ("uc", "Jean-Luc O’Brien"),
    ],
)
def test_student_is_not_found_by_anything_else(search, name):
    assert not any(key.startswith(begin) for key in name_keys(name) for begin in beginnings(search))


@pytest.mark.parametrize("search", [" ", "'", "--", "\u0301"])
def test_search_without_a_letter_looks_for_no_name(search):
    assert beginnings(search) == []


def test_name_with_many_joints_has_few_keys():
    name = "-".join("abcdefghij" * 10)
    assert len(name_keys(name)) <= 2 * len(name)
    assert len(name_keys("a-b-c-d-e")) <= 2**MOST_JOINTS * (MOST_JOINTS + 1)


def test_folding_twice_changes_nothing():
    for name in NAMES:
        assert folded(folded(name)) == folded(name)


@pytest.fixture
async def pupils(server):
    """Students with these names, by name, and a function that searches."""
    by_name = {name: await server.person("student", name=name) for name in NAMES}
    teacher = await server.person("teacher")

    async def search(text):
        answer = await server.api.get(
            "/class/students", params={"search": text}, headers=teacher.headers
        )
        found = answer.json().get("data", [])
        return [name for name, person in by_name.items() if person.id in {p["_id"] for p in found}]

    return search


async def test_route_finds_words_accents_and_addresses(pupils):
    assert await pupils("nunez") == ["José María Núñez"]
    assert await pupils("ang") == ["Anders Ångström", "D'Angelo"]
    assert await pupils("jeanluc") == ["Jean-Luc O’Brien"]
    assert await pupils(".*") == []
    assert await pupils("STUDENT.") == NAMES


async def test_changed_name_is_found_anew(server, pupils):
    store = MongoUserStore(core(server.app).database)
    users = core(server.app).database.documents["users"]
    found = await users.find_one({"displayName": "Anna Lena"})
    await store.change(found["_id"], {"name": "berta", "display_name": "Berta"})
    assert await pupils("anna") == []
    assert await pupils("bert") == ["Anna Lena"]


async def test_accounts_of_earlier_versions_are_found_after_the_migration(server, pupils):
    database = core(server.app).database
    await database.documents["users"].update_many({}, {"$unset": {"nameKeys": ""}})
    assert await pupils("nunez") == []
    await AuthPlugin.migrations[0].function(database)
    assert await pupils("nunez") == ["José María Núñez"]


async def test_search_reads_an_index(server, pupils):
    database = core(server.app).database
    others = (f"other{number:04}" for number in range(2000))
    await database.documents["users"].insert_many(
        [{"role": "student", "email": name, "nameKeys": [name]} for name in others]
    )
    await database.documents.command("profile", 2)
    try:
        await pupils("ang")
    finally:
        await database.documents.command("profile", 0)
    (query,) = (
        await database.documents["system.profile"]
        .find({"command.find": "users", "command.filter.role": "student"})
        .to_list()
    )
    assert "IXSCAN { role: 1, nameKeys: 1 }" in query["planSummary"]
    assert query["docsExamined"] == 2
