"""The map and CONTRIBUTING.md are true: paths exist, and imports go the way the map allows."""

from __future__ import annotations

import ast
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CORE = ROOT / "quartapp"
PLUGINS = ROOT / "plugins"
MAP = ROOT / "docs" / "architecture" / "map.md"
PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "architecture").rglob("*.md"))]
# Sphinx looks at the links in docs/; nobody does at those of the pages that GitHub shows.
LINKING = [*sorted(ROOT.glob("*.md")), ROOT / "changelog.d" / "README.md", *PAGES[1:]]

# In backticks, from the root: a folder's name ends with a slash.
TOP = ("quartapp", "plugins", "contracts", "tests", "docs", "deploy", "bench", "changelog.d")
PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, TOP))})/[\w./-]*)`")
FILE = re.compile(r"`([\w-]+\.(?:py|md|yaml|toml))`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
FLOOR = re.compile(r"^\| (\d+) \| `(\w+)` \|", re.MULTILINE)
FACE = "quartapp"


def paths(page):
    return sorted(set(PATH.findall(page.read_text(encoding="utf-8"))))


def sources(folder):
    """Return the Python files in ``folder``, without templates of other projects."""
    return [path for path in folder.rglob("*.py") if "templates" not in path.parts]


def imported(path):
    """Return the modules and names that a file imports, also for types."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floors():
    return {room: int(floor) for floor, room in FLOOR.findall(MAP.read_text(encoding="utf-8"))}


def rooms():
    """Return the rooms: packages and modules directly in the core, without the public face."""
    packages = {path.parent.name for path in CORE.glob("*/__init__.py")}
    modules = {path.stem for path in CORE.glob("*.py")}
    return (packages | modules) - {"__init__", "_pytest_plugin"}


def arrows():
    """Yield each import between rooms: ``(from, to, file)``."""
    for path in sources(CORE):
        here = path.relative_to(CORE).parts[0].removesuffix(".py")
        for name in imported(path):
            top, _, rest = name.partition(".")
            there = rest.partition(".")[0]
            if top == FACE and there in rooms() and there != here:
                yield here, there, str(path.relative_to(ROOT))


def requirements():
    """Return the packages that each bundled plugin may import: those of required plugins."""
    found = [*entry_points(group="quartapp"), *entry_points(group="quartapp.optional")]
    bundled = {
        point.name: point.value.partition(".")[0]
        for point in found
        if (PLUGINS / point.value.partition(".")[0]).is_dir()
    }
    required = {point.name: getattr(point.load(), "requires", ()) for point in found}

    def reach(name):
        return {name}.union(*(reach(other) for other in required[name]))

    return {package: {bundled[other] for other in reach(name)} for name, package in bundled.items()}


@pytest.mark.parametrize(
    ("page", "path"),
    [pytest.param(page, path, id=f"{page.name}-{path}") for page in PAGES for path in paths(page)],
)
def test_a_path_on_a_page_exists(page, path):
    found = ROOT / path
    assert found.is_dir() if path.endswith("/") else found.exists(), f"{page.name} names {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_on_a_page_exists_somewhere(page):
    there = {path.name for top in TOP for path in (ROOT / top).rglob("*") if path.is_file()}
    there |= {path.name for path in ROOT.iterdir()}
    assert set(FILE.findall(page.read_text(encoding="utf-8"))) <= there


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_a_link_to_a_file_leads_somewhere(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_room_has_a_floor():
    assert floors().keys() == rooms()


def test_a_room_imports_only_rooms_on_lower_floors():
    on = floors()
    wrong = [
        f"{where}: {here} (floor {on[here]}) imports {there} (floor {on[there]})"
        for here, there, where in arrows()
        if here in on and on[there] >= on[here]
    ]
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_the_arrows_are_found():
    assert {("cli", "app"), ("service", "http")} <= {(here, there) for here, there, _ in arrows()}


def test_the_core_imports_no_plugin():
    packages = tuple(path.name for path in PLUGINS.iterdir())
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(CORE)
        for name in imported(path)
        if name.partition(".")[0] in packages
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", sorted(path.name for path in PLUGINS.glob("quartapp_*")))
def test_a_plugin_imports_only_what_it_requires(package):
    allowed = requirements()[package]
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(PLUGINS / package)
        for name in imported(path)
        if name.startswith("quartapp_") and name.partition(".")[0] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", sorted(path.name for path in PLUGINS.glob("quartapp_*")))
def test_a_plugin_uses_only_the_public_face_of_the_core(package):
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(PLUGINS / package)
        for name in imported(path)
        if name.startswith(f"{FACE}.") and name.count(".") > 1
        if not name.startswith(f"{FACE}.testing.")
    ]
    assert not wrong, "\n".join(wrong)
