"""The house as a whole: no file imports in a circle, and no folder of the core is a corridor."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "quartapp",
    *sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()),
]
MOST_FILES = 20


@pytest.fixture(scope="module")
def imports():
    graph = grimp.build_graph(*PACKAGES, include_external_packages=False, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_no_import_runs_in_a_circle_whether_for_types_or_at_run_time(imports):
    assert len(imports) > 150
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(reversed(error.args[1]))}")


def test_a_circle_would_be_found():
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


FOLDERS = sorted({path.parent for path in (ROOT / "quartapp").rglob("*.py")})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_few_files_lie_directly_in_a_folder_of_the_core(folder):
    files = [path for path in folder.iterdir() if path.is_file()]
    assert len(files) <= MOST_FILES
