"""The mistakes in ``contracts/mutants/``: each patch fits the code, and makes another program."""

from __future__ import annotations

import ast
import importlib
import shutil
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
CONTRACTS = TOP / "contracts"
AREAS = {"accounts", "tokens", "people", "classes", "retries", "roll call", "live", "records"}
AREAS |= {"documents", "common"}
FEWEST = 60


@pytest.fixture
def patches(monkeypatch):
    """The module that reads patches, which is in no wheel."""
    monkeypatch.syspath_prepend(str(CONTRACTS))
    return importlib.import_module("mutants.patches")


@pytest.fixture
def table(monkeypatch):
    monkeypatch.syspath_prepend(str(CONTRACTS))
    return importlib.import_module("mutants.table")


def test_every_patch_fits_the_code_and_leaves_python_that_differs(patches, tmp_path):
    misfits = []
    for mutant in patches.mutants():
        try:
            patches.check(mutant)
        except patches.PatchError as error:
            misfits.append(str(error))
    assert not misfits, "\n".join(misfits)
    for mutant in patches.mutants():
        names = patches.changed_files(mutant)
        folder = tmp_path / mutant.name
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, folder / name)
        patches.plant(mutant, folder)
        for name in names:
            planted = ast.dump(ast.parse((folder / name).read_text(encoding="utf-8")))
            assert planted != ast.dump(ast.parse((TOP / name).read_text(encoding="utf-8")))


def test_each_patch_names_its_area_its_mistake_and_the_part_of_the_suite(patches):
    found = patches.mutants()
    suite = CONTRACTS / "quartapp_contract_suite"
    assert len(found) >= FEWEST
    assert {mutant.area for mutant in found} == AREAS
    for mutant in found:
        assert mutant.mistake.endswith("."), mutant.name
        assert (suite / mutant.first[0].partition("::")[0]).exists(), mutant.name
        names = patches.changed_files(mutant)
        assert names, mutant.name
        assert all(name.startswith(("quartapp/", "plugins/")) for name in names), mutant.name
    assert len({mutant.mistake for mutant in found}) == len(found)


def test_a_patch_that_does_not_fit_is_told_by_name(patches, tmp_path):
    path = tmp_path / "classes-gone.patch"
    path.write_text(
        "Area: classes\nMistake: None.\nFirst: http\n\n--- a/quartapp/clock.py\n"
        "+++ b/quartapp/clock.py\n@@ -1,1 +1,1 @@\n-no such line\n+another line\n"
    )
    gone = patches.Mutant("classes-gone", "classes", "None.", ("http",), path)
    with pytest.raises(patches.PatchError, match=r"classes-gone\.patch does not fit the code"):
        patches.check(gone)


def test_a_text_draws_the_same_mistakes_and_another_text_draws_others(patches):
    found = patches.mutants()
    drawn = [mutant.name for mutant in patches.drawn(found, 5, "a")]
    assert len(set(drawn)) == 5
    assert drawn == [mutant.name for mutant in patches.drawn(found, 5, "a")]
    assert drawn != [mutant.name for mutant in patches.drawn(found, 5, "b")]


def test_rows_replace_those_of_the_same_patches_and_leave_the_others(table, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{table.BEGIN}\n{table.END}\n\nafter\n")
    table.merged(page, {"b": "| `b` | B. | nothing | 9 |", "a": "| `a` | A. | `t` | 1 |"})
    table.merged(page, {"b": "| `b` | B. | `t` | 2 |"})
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    assert rows == ["| `a` | A. | `t` | 1 |", "| `b` | B. | `t` | 2 |"]
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")


def test_only_what_a_row_says_is_caught_counts_as_caught(table, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{table.BEGIN}\n{table.END}\n")
    table.merged(page, {"a": "| `a` | A. | `t` | 1 |", "b": f"| `b` | B. | {table.NOTHING} | 9 |"})
    assert table.caught(page) == {"a"}


def test_the_page_has_no_row_of_a_patch_that_is_gone(patches):
    page = (TOP / "docs/architecture/mutants.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows
    assert rows <= {mutant.name for mutant in patches.mutants()}
