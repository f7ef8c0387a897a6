"""The public names: three lists that agree, and no import past them from outside."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
FACES = [
    "quartapp",
    "quartapp.testing",
    "quartapp_auth",
    "quartapp_classes",
    "quartapp_classes.testing",
    "quartapp_attendance",
    "quartapp_guardians",
    "quartapp_mail",
    "quartapp_office",
    "quartapp_records",
    "quartapp_calendar",
    "quartapp_reports",
    "quartapp_web",
]
DOCUMENTED = re.compile(r"^\.\. (?:auto\w+|py:\w+):: ([\w.]+)\.(\w+)$", re.MULTILINE)
# These are not authors' code: they start a whole program, or make documents of a whole app.
EXEMPT: set[str] = set()


@pytest.mark.parametrize("face", FACES)
def test_the_reference_has_what_is_exported_and_nothing_else(face):
    exported = set(import_module(face).__all__)
    assert {name for home, name in DOCUMENTED.findall(REFERENCE) if home == face} == exported


@pytest.mark.parametrize("face", FACES)
def test_every_export_can_be_imported(face):
    module = import_module(face)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("face", ["quartapp", "quartapp.testing"])
def test_type_checkers_see_the_names_that_are_there_at_run_time(face):
    module = import_module(face)
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    seen = {
        (node.module, alias.asname)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    at_run_time = {(home, name) for home, names in module._HOMES.items() for name in names}
    assert seen == at_run_time
    assert {name for _, name in at_run_time} == set(module.__all__)


def test_import_of_an_unexported_name_is_reported():
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = import_module("quartapp").no_such_name


# The client for Python, which has nothing of the server.
CLIENT = "quartapp_client"


def authors_code():
    """Return files outside the core: bundled plugins, documentation, the scaffold's templates."""
    folders = ("plugins", "docs", "quartapp/cli/templates")
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".md", ".j2"} and path.is_file():
                yield path


def test_authors_code_imports_from_public_faces_alone():
    pattern = re.compile(r"^\s*(?:>>> )?(?:from|import) (quartapp\w*(?:\.\w+)*)", re.MULTILINE)
    reaching_past = []
    for path in authors_code():
        own = path.relative_to(ROOT).parts[1]
        for module in pattern.findall(path.read_text(encoding="utf-8")):
            if module in FACES or module.split(".")[0] in {
                own,
                "quartapp_library",
                "quartapp_client",
            }:
                continue
            reaching_past.append(f"{path.relative_to(ROOT)}: {module}")
    assert reaching_past == []
