"""``quartapp plugin new``: what it writes, and what it refuses. That its tests pass with tox is
shown in ``tests/author``.
"""

from __future__ import annotations

import json
import tomllib

import pytest
import yaml

from quartapp.cli.new_plugin import ScaffoldError, own_origin, write_plugin


def test_it_writes_a_package_with_all_its_parts(tmp_path):
    folder = write_plugin("reading_room", tmp_path)
    assert folder == tmp_path / "quartapp-reading-room"
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {
        *(".gitignore", "README.md", "pyproject.toml", "tox.ini"),
        *("contract/openapi.yaml", "contract/asyncapi.yaml"),
        *("tests/test_plugin.py", "tests/test_contract.py"),
        *(
            f"src/quartapp_reading_room/{name}"
            for name in (
                *("__init__.py", "events.py", "plugin.py", "py.typed", "routes.py"),
                *("schemas.py", "service.py"),
            )
        ),
    }
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    plugin = "quartapp_reading_room.plugin:ReadingRoomPlugin"
    assert project["project"]["entry-points"]["quartapp"] == {"reading_room": plugin}
    openapi = yaml.safe_load((folder / "contract" / "openapi.yaml").read_text())
    assert list(openapi["paths"]) == ["/api/v1/reading_room"]
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "{{" not in text, path
            assert "{%" not in text, path


async def test_generated_plugin_runs(tmp_path, serve, monkeypatch):
    folder = write_plugin("pinboard", tmp_path)
    monkeypatch.syspath_prepend(folder / "src")
    from quartapp_pinboard.plugin import PinboardPlugin

    server = await serve(beside=[PinboardPlugin])
    socket = await server.socket(await server.person("student"))
    shown = await socket.ask("PINBOARD_WRITE", {"text": "hello"})
    assert (shown["event"], shown["data"]["text"]) == ("PINBOARD_WRITTEN", "hello")


def test_a_released_quartapp_leaves_no_trace_of_where_it_came_from(tmp_path):
    assert "deps" not in (write_plugin("one", tmp_path) / "tox.ini").read_text()
    origin = "file:///somewhere/quartapp-1.0-py3-none-any.whl"
    text = (write_plugin("other", tmp_path, origin) / "tox.ini").read_text()
    assert f"deps = quartapp[contract,embedded] @ {origin}\n" in text


@pytest.mark.parametrize(
    ("document", "origin"),
    [
        (None, None),
        ({"url": "file:///", "dir_info": {"editable": True}}, "file:///"),
        # What a build leaves in a temporary folder is gone by the time a plugin is tested.
        ({"url": "file:///gone/quartapp-1.0-py3-none-any.whl", "archive_info": {}}, None),
        ({"url": "https://example.org/q.whl", "archive_info": {}}, "https://example.org/q.whl"),
        (
            {"url": "https://example.org/q", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://example.org/q@abc",
        ),
    ],
)
def test_source_of_this_quartapp_is_known(tmp_path, monkeypatch, document, origin):
    information = tmp_path / "quartapp-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: quartapp\nVersion: 1.0\n")
    if document is not None:
        (information / "direct_url.json").write_text(json.dumps(document))
    monkeypatch.syspath_prepend(tmp_path)
    assert own_origin() == origin


NO_NAME = "is no name for a plugin"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", NO_NAME),
        ("Library", NO_NAME),
        ("reading-room", NO_NAME),
        ("reading room", NO_NAME),
        ("2nd", NO_NAME),
        ("_hidden", NO_NAME),
        ("bücher", NO_NAME),
        ("../outside", NO_NAME),
        ("x" * 31, NO_NAME),
        ("class", NO_NAME),
        ("name\n", NO_NAME),
        ("attendance", "a plugin called attendance is installed already, by quartapp "),
        ("webhooks", "a plugin called webhooks is installed already, by quartapp "),
    ],
)
def test_impossible_name_is_refused_and_nothing_is_written(tmp_path, name, told):
    with pytest.raises(ScaffoldError) as caught:
        write_plugin(name, tmp_path)
    assert told in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_installed_distribution_is_refused(tmp_path, installed, monkeypatch):
    monkeypatch.syspath_prepend(installed("quartapp_library", "", "Nothing"))
    told = r"quartapp-library 1\.0 is installed already; choose another name"
    with pytest.raises(ScaffoldError, match=told):
        write_plugin("library", tmp_path)


def test_the_name_of_a_package_that_can_be_imported_is_refused(tmp_path, monkeypatch):
    (tmp_path / "quartapp_shelf.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ScaffoldError, match="a package quartapp_shelf can be imported already"):
        write_plugin("shelf", tmp_path)


def test_existing_folder_is_left_alone(tmp_path):
    mine = tmp_path / "quartapp-library" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(ScaffoldError, match="is there already; nothing was written"):
        write_plugin("library", tmp_path)
    assert list(mine.parent.iterdir()) == [mine]


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(ScaffoldError, match=r"cannot write .*: Not a directory"):
        write_plugin("library", blocked)


async def test_the_command_says_what_to_do_next_and_explains_mistakes(run_cli, tmp_path):
    status, output, _ = await run_cli("plugin", "new", "library", "--into", str(tmp_path))
    folder = tmp_path / "quartapp-library"
    assert (status, output) == (0, f"wrote {folder}\nnow: cd {folder} && tox\n")
    status, output, errors = await run_cli("plugin", "new", "library", "--into", str(tmp_path))
    assert (status, output) == (2, "")
    assert errors == f"Error: {folder} is there already; nothing was written\n"
