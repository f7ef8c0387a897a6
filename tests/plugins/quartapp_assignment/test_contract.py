"""openapi.yaml and the plugin's piece of it are together what a server with the plugin offers."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

import quartapp_assignment
from quartapp import create_app, load_settings
from quartapp.contract import openapi_document
from quartapp.contract.files import openapi_file, read_document
from quartapp.contract.openapi.compare import differences

PIECE = Path(quartapp_assignment.__file__).with_name("openapi.yaml")


@pytest.fixture
def document():
    settings = load_settings(
        mongodb_uri="mongodb://127.0.0.1:1/never_opened",
        jwt_secret="a secret for tests, 32 bytes or more",
        extra_plugins=("assignment",),
    )
    return openapi_document(create_app(settings))


def parted(document, piece):
    """``document`` in two: the paths of ``piece``, and all others."""
    own = {path: item for path, item in document["paths"].items() if path in piece["paths"]}
    rest = {path: item for path, item in document["paths"].items() if path not in own}
    return {**document, "paths": own}, {**document, "paths": rest}


def told(found):
    return "\n".join(map(str, found))


def test_the_server_offers_the_base_and_the_piece(document):
    piece = read_document(PIECE)
    own, rest = parted(document, piece)
    assert len(own["paths"]) == 9
    assert told(differences(piece, own)) == ""
    assert told(differences(read_document(openapi_file()), rest)) == ""


def test_differing_contract_of_a_plugin_is_noticed(document):
    piece = read_document(PIECE)
    own, _ = parted(document, piece)
    changed = copy.deepcopy(piece)
    changed["components"]["schemas"]["NotClassTeacherError"]["properties"]["error"]["enum"] = ["No"]
    assert "GET /class/{class_id} 403" in told(differences(changed, own))
    del changed["paths"]["/students"]
    assert "GET /students" in told(differences(changed, own))


def test_the_piece_links_to_its_own_operations_alone():
    text = PIECE.read_text(encoding="utf-8")
    assert set(re.findall(r"operationId: (\w+)", text)) == set(
        re.findall(r"      operationId: (assignment\w+)\n      tags", text)
    )


def test_every_message_of_the_dialect_is_in_the_piece_and_no_other():
    schemas = read_document(PIECE)["components"]["schemas"]
    messages = {
        message
        for schema in schemas.values()
        for message in schema.get("properties", {}).get("error", {}).get("x-server-enum", ())
    }
    assert messages == {
        "Unauthorized, token missing or invalid",
        "Invalid request schema",
        "Email already exists",
        "Invalid email or password",
        "Forbidden, teacher access required",
        "Forbidden, student access required",
        "Forbidden, not class teacher",
        "Forbidden, not enrolled in class",
        "Forbidden, registration is by invitation",
        "Forbidden, registration is closed",
        "Password has to have 8 characters or more",
        "Password is one of the most common ones",
        "Password is the name, address or username of the account",
        "Password is the name of the school or of this program",
        "Class not found",
        "Student not found",
        "class already exist",
        "Payload Too Large",
        "Too Many Requests",
        "Internal Server Error",
        "Service Unavailable",
    }
