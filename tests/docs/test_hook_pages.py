"""Every hook has a heading with its signature, an example that runs, and a test of its name."""

from __future__ import annotations

import ast
import inspect
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from quartapp import hookspec
from quartapp.hooks import specs as hookspecs
from quartapp.hooks.discovery import discover

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "docs" / "examples" / "hooks"
HEADING = re.compile(r"^### `(\w+)(\(.*\))`$", re.MULTILINE)
TEST_FILES = ("test_specs.py", "test_failing_hooks.py", "test_broken_plugins.py")
MARK = hookspec.project_name + "_spec"


def modules():
    """Return the hooks of the core and of all bundled plugins."""
    optional = [point.name for point in entry_points(group="quartapp.optional")]
    brought = [
        getattr(plugin.implementation, "hookspecs", None) for plugin in discover(None, optional)
    ]
    return [hookspecs, *(module for module in brought if module is not None)]


def hooks():
    return {
        name: function
        for module in modules()
        for name, function in vars(module).items()
        if hasattr(function, MARK)
    }


def test_the_hooks_are_found():
    assert {"register_settings", "roster", "check_mark"} <= hooks().keys()


@pytest.mark.parametrize("name", hooks())
def test_a_hook_has_a_heading_with_its_signature(name):
    parameters = ", ".join(inspect.signature(hooks()[name]).parameters)
    assert (name, f"({parameters})") in HEADING.findall(PAGE)


def test_there_is_no_heading_without_a_hook():
    assert {name for name, _ in HEADING.findall(PAGE)} == set(hooks())


@pytest.mark.parametrize("name", hooks())
def test_a_hook_is_described_where_it_is_specified(name):
    hook = hooks()[name]
    section = PAGE.partition(f"### `{name}(")[2].partition("\n### ")[0].partition("\n## ")[0]
    assert f".. autofunction:: {hook.__module__}.{name}\n" in section
    assert hook.__doc__
    assert "Example:" in hook.__doc__
    untyped = [p for p in inspect.signature(hook).parameters.values() if p.annotation is p.empty]
    assert untyped == []
    assert inspect.signature(hook).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", hooks())
def test_a_hook_has_an_example_that_implements_it(name):
    shown = [EXAMPLES / found for found in re.findall(r"examples/hooks/(\w+\.py)", PAGE)]
    assert any(name in _implementations(path) for path in shown)


@pytest.mark.parametrize("name", hooks())
def test_a_hook_has_a_test_named_after_it(name):
    folder = ROOT / "tests" / "quartapp" / "hooks"
    tests = [test for file in TEST_FILES for test in _functions(folder / file)]
    assert any(test.startswith(f"test_{name}_") or f"_{name}_" in test for test in tests)


def test_every_example_is_shown_and_executed():
    pages = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    executed = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for path in (ROOT / "docs" / "examples").rglob("*.py"):
        assert f"{path.parent.name}/{path.name}" in pages, path
        assert f'"{path.stem}' in executed, path


def _functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _implementations(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(ast.unparse(mark).startswith("hookimpl") for mark in node.decorator_list)
    ]
