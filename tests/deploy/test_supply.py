"""What is installed: locked by hashes, listed in an SBOM, and free of old known vulnerabilities."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "locks"
NAMES = ("image", "build", "tox", "ci")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMAGE_EXTRAS = ("checkin", "icalendar", "mail", "oneroster", "telemetry", "webhooks", "xlsx")
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
PIN = re.compile(
    r"([a-z0-9._-]+)==(\S+?)( ; .+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
)
# The first releases without the known vulnerabilities of direct dependencies, as of March 2026.
FLOORS = {
    "h11": ("0.16", "CVE-2025-43859: chunked bodies end where a proxy does not see it"),
    "jinja2": ("3.1.6", "CVE-2025-27516: a template leaves its sandbox"),
    "pyjwt": ("2.12", "CVE-2026-32597: critical headers that are not understood are accepted"),
    "werkzeug": ("3.1.6", "CVE-2026-27199: names of Windows's devices pass safe_join"),
}


def pins(name: str) -> dict[str, set[str]]:
    """Return the versions of each distribution in a lock file."""
    found: dict[str, set[str]] = {}
    for pin in PIN.finditer((LOCKS / f"{name}.txt").read_text(encoding="utf-8")):
        found.setdefault(pin[1], set()).add(pin[2])
    return found


def group(name: str) -> Iterator[str]:
    """Return the requirements of a dependency group."""
    for entry in PROJECT["dependency-groups"][name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from group(entry["include-group"])


def asked(name: str) -> list[Requirement]:
    """Return the requirements that a lock file is made from."""
    core = PROJECT["project"]["dependencies"]
    words = {
        "image": [
            *core,
            *(one for extra in IMAGE_EXTRAS for one in EXTRAS[extra]),
        ],
        "build": [*group("build")],
        "tox": [*group("tox")],
        "ci": [
            *core,
            *(one for extra in EXTRAS.values() for one in extra),
            *(one for part in ("dev", "locks", "advisories", "build") for one in group(part)),
        ],
    }
    return [Requirement(word) for word in words[name]]


@pytest.mark.parametrize("name", NAMES)
def test_locks_name_versions_and_hashes_and_nothing_else(name):
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    assert PIN.sub("", text) == ""
    assert len(pins(name)) > 5


@pytest.mark.parametrize("name", NAMES)
def test_locks_have_what_the_project_asks_for(name):
    locked = pins(name)
    for requirement in asked(name):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert any(map(requirement.specifier.contains, versions)), f"{requirement} is not locked"


def test_the_image_has_the_versions_that_the_tests_have():
    tested = pins("ci")
    for name, versions in pins("image").items():
        assert versions <= tested[name], f"{name} of the image is not tested"


def test_nothing_is_installed_without_hashes():
    installs = []
    for path in (
        *(ROOT / ".github" / "workflows").iterdir(),
        ROOT / ".ci" / "run",
        ROOT / "deploy" / "Containerfile",
    ):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        installs += re.findall(r"\bpip install ([^&\n]*)", text)
    assert len(installs) > 5
    for options in installs:
        locked = re.search(r"--require-hashes -r locks/(image|build|tox)\.txt", options)
        assert locked or "--no-deps --no-index" in options, options
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert "\nconstraints = {tox_root}{/}locks{/}ci.txt\n" in tox


def test_the_image_comes_with_a_list_of_what_it_has(tmp_path):
    text = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^RUN /opt/build/bin/cyclonedx-py (.*)$", text, re.MULTILINE)
    file = tmp_path / "sbom.json"
    places = {"/opt/quartapp/sbom.cdx.json": str(file), "/opt/quartapp/bin/python": sys.executable}
    words = [places.pop(word, word) for word in shlex.split(line)]
    assert not places
    subprocess.run([sys.executable, "-m", "cyclonedx_py", *words], cwd=ROOT, check=True)  # noqa: S603
    listed = json.loads(file.read_text(encoding="utf-8"))
    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["name"] == "quartapp"
    found = {canonicalize_name(one["name"]): one for one in listed["components"]}
    for word in PROJECT["project"]["dependencies"]:
        requirement = Requirement(word)
        if requirement.marker is None or requirement.marker.evaluate():
            one = found[canonicalize_name(requirement.name)]
            assert one["version"] == version(requirement.name)
            assert one["purl"].startswith("pkg:pypi/")


def test_images_can_be_named_by_their_digest():
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    container = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
    services = yaml.safe_load(compose)["services"].values()
    images = {one["image"] for one in services if one["image"] != "quartapp"}
    named = {
        re.fullmatch(r"\$\{(\w+_IMAGE):-docker\.io/library/\S+:[\w.-]+\}", one) for one in images
    }
    assert None not in named
    assert len(images) == 2
    assert "PYTHON_IMAGE: ${PYTHON_IMAGE:-docker.io/library/python:3.13-slim}" in compose
    assert "ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim\n" in container
    assert re.findall(r"^FROM (\S+)", container, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2
    page = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    for name in ("PYTHON_IMAGE", *(one[1] for one in named if one)):
        assert f"pin {name} docker.io/library/" in page


@pytest.mark.parametrize("name", FLOORS)
def test_known_vulnerabilities_are_below_the_floor(name):
    floor, why = FLOORS[name]
    (requirement,) = (one for one in asked("image") if one.name == name)
    (lowest,) = (one.version for one in requirement.specifier if one.operator == ">=")
    assert Version(lowest) >= Version(floor), why
    assert all(Version(one) >= Version(floor) for one in pins("image")[name]), why
