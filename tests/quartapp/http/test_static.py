"""Files of plugins: kept by browsers, and nothing beside them is served."""

from __future__ import annotations

import pytest

from quartapp.errors import QuartappError
from quartapp.hooks.specs import hookimpl
from quartapp.hooks.static import Static


def plugin(named, prefix, folder):
    class Plugin:
        name = named

        @hookimpl
        def register_static(self):
            return [Static(prefix, folder)]

    return Plugin


@pytest.fixture
async def page(serve, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / ".env").write_text("secret")
    (folder / "leak.txt").symlink_to(tmp_path / "secret.txt")
    for name in ("a.css", "a.0f3a9c21.css"):
        (folder / name).write_text("p {}")
    return (await serve(beside=[plugin("files", "/files", folder)])).page()


async def test_a_file_is_asked_for_again_unless_its_name_has_a_hash(page):
    first = await page.get("/files/a.css")
    assert (first.text, first.headers["cache-control"]) == ("p {}", "no-cache")
    page.client.headers["If-None-Match"] = first.headers["etag"]
    again = await page.get("/files/a.css")
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
    hashed = await page.get("/files/a.0f3a9c21.css")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path", ["", "none", ".env", "leak.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt", "a%00"]
)
async def test_nothing_but_files_of_the_folder_is_served(page, path):
    answer = await page.get(f"/files/{path}")
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("prefixes", "told"),
    [
        (("/x", "/x"), ("plugin one (given)", "plugin two (given)")),
        (("/x", "/x/y"), ("plugin one (given)", "plugin two (given)")),
        (("/api/v1/x", "/y"), ("plugin one (given)", "lies in /api/v1")),
        (("/", "/y"), ("plugin one (given)", "has to look like")),
    ],
)
async def test_a_prefix_that_does_not_fit_is_refused(serve, tmp_path, prefixes, told):
    one, two = (
        plugin(name, prefix, tmp_path)
        for name, prefix in zip(("one", "two"), prefixes, strict=True)
    )
    with pytest.raises(QuartappError) as refused:
        await serve(beside=[one, two])
    assert all(words in str(refused.value) for words in told)
