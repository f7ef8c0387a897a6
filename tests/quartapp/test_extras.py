"""Requirements: the core's are what the core imports, and a plugin's are its extra."""

from __future__ import annotations

import ast
import asyncio
import site
import sys
import sysconfig
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from quartapp.testing.processes import surroundings

OURS = distribution("quartapp")
PROVIDED = packages_distributions()
# What is read and not imported: zoneinfo takes time zones from it.
DATA = {"tzdata"}
# Where the code of an extra is whose name is not that of a plugin.
PLACES = {
    "quartapp.backup.sealed": "backup",
    "quartapp_calendar.ical": "icalendar",
    "quartapp_reports.xlsx_file": "xlsx",
    "quartapp_demo": "embedded",
    "quartapp.embedded": "embedded",
    "quartapp.telemetry.traces": "telemetry",
    "quartapp.testing": "contract",
    "quartapp_contract_suite": "contract",
    "quartapp._pytest_plugin": "contract",
}


def requirements(extra):
    """Return the requirements of ``extra``, or the core's for None."""
    found = set()
    for text in OURS.requires:
        requirement = Requirement(text)
        is_of_extra = "extra ==" in str(requirement.marker)
        if is_of_extra == (extra is not None) and (
            requirement.marker is None or requirement.marker.evaluate({"extra": extra or ""})
        ):
            found.add(canonicalize_name(requirement.name))
    return found


def modules():
    """Each module of the distribution, with its file."""
    packages = {name for name, brought in PROVIDED.items() if "quartapp" in brought}
    packages |= {point.value.partition(".")[0] for point in OURS.entry_points}
    for package in sorted(packages):
        folder = Path(find_spec(package).submodule_search_locations[0])
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            if not {"_contracts", "templates"} & set(parts):
                yield ".".join((package, *parts)).removesuffix(".__init__"), file


def imported(file):
    """Return the distributions of each foreign import of ``file``."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    # Type checkers bring _typeshed along.
    names -= sys.stdlib_module_names | {"_typeshed"}
    return {
        name: {canonicalize_name(brought) for brought in PROVIDED.get(name, ())}
        for name in names
        if not name.startswith("quartapp")
    }


def extra_of(module):
    place = next((place for place in PLACES if f"{module}.".startswith(f"{place}.")), None)
    if place:
        return PLACES[place]
    name = module.partition(".")[0].removeprefix("quartapp_")
    return name if name in OURS.metadata.get_all("Provides-Extra") else None


@pytest.mark.parametrize(
    ("module", "file"), [pytest.param(*found, id=found[0]) for found in modules()]
)
def test_a_module_imports_what_is_required_or_its_extra(module, file):
    extra = extra_of(module)
    allowed = requirements(None) | (requirements(extra) if extra else set())
    assert {name for name, brought in imported(file).items() if not brought & allowed} == set()


def test_every_required_distribution_is_imported():
    used = set().union(*(brought for _, file in modules() for brought in imported(file).values()))
    assert requirements(None) <= used | DATA


def copy_of_packages(folder, absent):
    """Fill ``folder`` with links to everything that is installed, but for some distributions."""
    hidden = {file.parts[0] for name in absent for file in distribution(name).files}
    folder.mkdir()
    for place in {*site.getsitepackages(), sysconfig.get_path("purelib")}:
        for entry in Path(place).iterdir():
            if entry.name not in hidden and not (folder / entry.name).exists():
                (folder / entry.name).symlink_to(entry)


@pytest.fixture
def without(tmp_path):
    """Return a function that runs quartapp without some of the installed distributions."""

    async def run(absent, *arguments, **environment):
        packages = tmp_path / "packages"
        copy_of_packages(packages, absent)
        script = (
            f"import site; site.addsitedir({str(packages)!r}); "
            "from quartapp.cli.main import main; main()"
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", "-c", script, *arguments),
            cwd=tmp_path,
            env={**surroundings(), **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()

    return run


@pytest.mark.processes
@pytest.mark.parametrize(
    ("plugin", "absent"),
    [("checkin", "segno"), ("mail", "aiosmtplib"), ("oneroster", "rich"), ("webhooks", "httpx")],
)
async def test_a_plugin_without_its_extra_is_refused_in_one_sentence(without, plugin, absent):
    status, output, said = await without(
        [absent], "serve", "--port", "0", "--data-dir", "data", "--plugin", plugin
    )
    assert status == 2
    assert output == ""
    assert said == (
        f"Error: plugin {plugin} (quartapp {OURS.version}) needs {absent}; "
        f"install with: pip install 'quartapp[{plugin}]'\n"
    )


@pytest.mark.processes
async def test_the_demo_without_its_extra_is_refused_in_one_sentence(without):
    status, output, said = await without(["websockets"], "demo", "--fast")
    assert status == 2
    assert output == ""
    assert said == (
        "Error: quartapp demo needs websockets; install with: pip install 'quartapp[embedded]'\n"
    )


@pytest.mark.processes
async def test_calendars_are_not_imported_without_their_extra(without, tmp_path, mongodb_uri):
    (tmp_path / "holidays.ics").write_text("BEGIN:VCALENDAR")
    status, output, said = await without(
        ["icalendar"], "calendar", "import", "holidays.ics", MONGODB_URI=mongodb_uri
    )
    assert status == 2
    assert output == ""
    assert said == (
        "Error: quartapp calendar needs icalendar and recurring-ical-events; "
        "install with: pip install 'quartapp[icalendar]'\n"
    )


@pytest.mark.processes
async def test_contract_tests_without_their_extra_are_refused_in_one_sentence(without):
    status, output, said = await without(["schemathesis"], "contract", "test")
    assert status == 2
    assert output == ""
    assert said == (
        "Error: the contract tests need schemathesis; "
        "install with: pip install 'quartapp[contract]'\n"
    )


@pytest.mark.processes
async def test_without_any_extra_the_default_plugins_load(without):
    extras = OURS.metadata.get_all("Provides-Extra")
    optional = set().union(*(requirements(extra) for extra in extras)) - requirements(None)
    status, output, said = await without(sorted(optional), "plugins")
    assert said == ""
    assert status == 0
    assert {"auth", "classes", "attendance", "demo"} <= {
        line.split()[0] for line in output.splitlines() if not line.startswith(" ")
    }
