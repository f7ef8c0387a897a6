"""Each promise of docs/security.md names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"[1-9]\d?\.[1-9]\d?\.[1-9]\d?")
TEST = re.compile(r"`((?:tests|contracts)/\S+\.py)::(test_\w+)`")


def promises() -> list[tuple[str, ...]]:
    """Return the rows of the table of promises."""
    _, _, table = PAGE.partition("| promise | ASVS | test |\n|---|---|---|\n")
    lines = table.partition("\n\n")[0].strip().splitlines()
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def test_there_are_promises() -> None:
    assert len(promises()) >= 5


@pytest.mark.parametrize("row", promises(), ids=lambda row: row[0])
def test_each_promise_has_its_number_and_a_test(row: tuple[str, ...]) -> None:
    promise, numbers, tests = row

    assert promise.endswith(".")
    assert all(NUMBER.fullmatch(number) for number in numbers.split(", ")), numbers
    named = TEST.findall(tests)
    assert ", ".join(f"`{file}::{name}`" for file, name in named) == tests
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if hasattr(node, "name")}
        assert name in defined, f"{file} has no {name}"
