"""The files in ``deploy/`` agree with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from quartapp.cli.main import main
from quartapp.settings.core import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = "quartapp@.service"
OF_OTHERS = {"SITE", "UPSTREAMS", "PYTHONDONTWRITEBYTECODE"}
OF_OTHERS |= {"MEMBERS", "MONGO_KEY", "MONGO_PASSWORD", "PYTHON_IMAGE"}


@pytest.mark.parametrize("name", [UNIT, "school.env.example", "Containerfile", "compose.yaml"])
def test_every_variable_is_a_setting(name):
    known = {"PORT", "MONGODB_URI", "JWT_SECRET"}
    known |= {f"QUARTAPP_{field.upper()}" for field in Settings.model_fields}
    text = re.sub(r"(?m)^ *#.*$", "", (DEPLOY / name).read_text(encoding="utf-8"))
    # Names in capitals that are given a value: NAME=, NAME: or "NAME=.
    found = set(re.findall(r"\b([A-Z][A-Z0-9_]{3,})(?:=|: )", text)) - OF_OTHERS
    assert found, "the check reads the file"
    assert found <= known


def test_the_service_starts_a_command_that_there_is():
    (command,) = re.findall(
        r"^ExecStart=\S+/quartapp (\w+)$", (DEPLOY / UNIT).read_text(), re.MULTILINE
    )
    assert command in main.commands


def test_both_servers_of_the_compose_file_share_their_secret_and_their_replica_set():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    one, two = services["quartapp1"], services["quartapp2"]
    assert one["environment"] == two["environment"]
    members = {name for name in services if name.startswith("mongo")}
    assert set(re.findall(r"(\w+):27017", one["environment"]["MONGODB_URI"])) == members
    assert one["environment"]["QUARTAPP_TRUSTED_PROXIES"] == "1", "there is one proxy in front"


def test_members_of_the_compose_file_let_in_who_has_a_password():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    members = {name: one for name, one in services.items() if name.startswith("mongo")}
    assert len(members) == 3
    script = services["replica-set"]
    assert script["environment"]["MEMBERS"] == ",".join(f"{name}:27017" for name in members)
    for member in members.values():
        assert "--keyFile=/run/mongod.key" in member["command"]
        assert "> /run/mongod.key" in member["entrypoint"][2]
        assert member["environment"]["MONGO_KEY"] == script["environment"]["MONGO_KEY"]
        assert "ports" not in member
    uri = services["quartapp1"]["environment"]["MONGODB_URI"]
    assert uri.startswith("mongodb://quartapp:${MONGO_PASSWORD:?")
    assert script["command"][-1] == "/replica-set.js"
    assert script["volumes"] == ["./replica-set.js:/replica-set.js:ro"]
    assert (DEPLOY / "replica-set.js").is_file()
