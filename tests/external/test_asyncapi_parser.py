"""AsyncAPI's own parser accepts our documents. ``tox -e external`` runs it, with npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from quartapp.app import create_app
from quartapp.contract.asyncapi.document import asyncapi_document
from quartapp.contract.files import asyncapi_file, read_document
from quartapp.hooks.discovery import discover
from quartapp.hooks.specs import hookimpl
from quartapp.realtime.events import EventData, EventType
from quartapp.settings.core import load_settings
from tests.support.plugins import OPTIONAL

if TYPE_CHECKING:
    from pathlib import Path

# The published parser, which brings the official meta-schema.
PARSER = "@asyncapi/parser@3.6.3"
VALIDATE = """
import { Parser } from '@asyncapi/parser';
import { readFileSync } from 'node:fs';
const found = await new Parser().validate(readFileSync(process.argv[2], 'utf8'));
console.log(JSON.stringify(found.map(({ severity, code, message, path }) =>
  ({ severity, code, message, path: path.join('/') }))));
"""
ERROR, WARNING = 0, 1
INSTALL_SECONDS, RUN_SECONDS = 300, 60


async def ignore(*_: object) -> None:
    """Do nothing."""


class OddlyNamedPlugin:
    name = "oddly-named"

    @hookimpl
    def register_events(self) -> list[EventType]:
        return [
            EventType(name=name, data=EventData, handler=ignore)
            for name in ("RAISE HAND", "RAISE_HAND", "raise/hand~1")
        ]


def document_of(*plugins: object, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    settings = load_settings(mongodb_uri="mongodb://127.0.0.1:1/none", jwt_secret="x" * 32)
    return asyncapi_document(create_app(settings, [*discover(extra=optional), *plugins]))


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the published parser in a folder, and return the folder."""
    folder = tmp_path_factory.mktemp("asyncapi-parser")
    npm = shutil.which("npm")
    assert npm, "this test needs Node.js and npm"
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    (folder / "validate.js").write_text(VALIDATE)
    subprocess.run(  # noqa: S603 - npm, with fixed arguments
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", PARSER],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=INSTALL_SECONDS,
    )
    return folder


def problems_found(parser: Path, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the problems that the published parser finds in ``document``."""
    path = parser / "document.json"
    path.write_text(json.dumps(document))
    node = shutil.which("node")
    assert node
    ran = subprocess.run(  # noqa: S603 - node, with our own script
        [node, "validate.js", str(path)],
        cwd=parser,
        check=True,
        capture_output=True,
        timeout=RUN_SECONDS,
    )
    return [problem for problem in json.loads(ran.stdout) if problem["severity"] <= WARNING]


DOCUMENTS = {
    "the file": lambda: read_document(asyncapi_file()),
    "the default plugins": document_of,
    "all bundled plugins": lambda: document_of(optional=OPTIONAL),
    "a plugin with odd names": lambda: document_of(OddlyNamedPlugin()),
}


@pytest.mark.parametrize("which", DOCUMENTS)
def test_the_parser_finds_nothing_wrong(which: str, parser: Path) -> None:
    document = DOCUMENTS[which]()

    assert problems_found(parser, document) == []
    meta_schema = parser / "node_modules/@asyncapi/specs/schemas/3.0.0.json"
    validator = jsonschema_rs.validator_for(json.loads(meta_schema.read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("operations/sendDone/action", "shout"),
        ("components/messages/error/payload", {"$ref": "#/components/schemas/Nothing"}),
        ("channels/live/address", 7),
    ],
)
def test_the_parser_finds_what_is_wrong(path: str, value: object, parser: Path) -> None:
    document = read_document(asyncapi_file())
    *above, last = path.split("/")
    node = document
    for part in above:
        node = node[part]
    node[last] = value

    assert ERROR in [problem["severity"] for problem in problems_found(parser, document)]
