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
    (tmp_path / "secret.txt").write_text("the content")
    (folder / ".env").write_text("the content")
    (folder / "leak.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("the content")
    (folder / "sub").mkdir()
    (folder / "sub" / "linked.css").symlink_to(folder / "a.css")
    for name in ("a.css", "a.0f3a9c21.css"):
        (folder / name).write_text("p {}")
    (folder / "a.html").write_text("<script>alert(1)</script>")
    (folder / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    (folder / "a.sh").write_text("#!/bin/sh")
    return (await serve(beside=[plugin("files", "/files", folder)])).page()


async def test_a_file_is_asked_for_again_unless_its_name_has_a_hash(page):
    first = await page.get("/files/a.css")
    assert (first.text, first.headers["cache-control"]) == ("p {}", "no-cache")
    page.client.headers["If-None-Match"] = first.headers["etag"]
    again = await page.get("/files/a.css")
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
    hashed = await page.get("/files/a.0f3a9c21.css")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"


HIDDEN = (
    "",
    "none",
    ".env",
    ".git/config",
    "sub",
    "sub/",
    "a.css/",
    "a.css/%2e",
    "sub//linked.css",
    "leak.txt",
    "up/secret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "%252e%252e%252fsecret.txt",
    "..%5csecret.txt",
    "sub/%2e%2e/%2e%2e/secret.txt",
    "%2fetc/passwd",
    "/etc/passwd",
    "sub/%2fetc/passwd",
    "~/secret.txt",
    "a%00",
    "a.css%00.png",
    "x" * 5000,
)


async def test_nothing_but_files_of_the_folder_is_served(page):
    for path in HIDDEN:
        answer = await page.client.get(f"{page.client.base_url}/files/{path}")
        assert (answer.status_code, "Not Found" in answer.text) == (404, True), path
        assert "the content" not in answer.text, path
        assert "root:" not in answer.text, path


async def test_a_link_may_lead_to_another_file_of_the_folder(page):
    for path in ("sub/linked.css", "up/files/a.css"):
        assert (await page.get(f"/files/{path}")).text == "p {}"


async def test_a_browser_that_has_the_file_is_not_sent_it_again(page):
    tag = (await page.get("/files/a.css")).headers["etag"]
    having, others = (tag, f"W/{tag}", f'"x", {tag}', "*"), ('"x"', "x")
    for tags in having + others:
        for method in ("GET", "HEAD"):
            answer = await page.client.request(
                method, "/files/a.css", headers={"If-None-Match": tags}
            )
            assert answer.status_code == (304 if tags in having else 200), tags
            assert answer.headers["etag"] == tag
            assert (answer.content == b"") == (tags in having or method == "HEAD")


async def test_a_part_of_a_file_is_answered_with_all_of_it(page):
    tag = (await page.get("/files/a.css")).headers["etag"]
    for headers in ({}, {"If-Range": tag}):
        answer = await page.client.get("/files/a.css", headers={"Range": "bytes=1-2", **headers})
        assert (answer.status_code, answer.text) == (200, "p {}")


async def test_head_has_the_length_of_the_file(page):
    answer = await page.client.head("/files/a.css")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "4")
    assert answer.content == b""


async def test_files_are_for_reading_alone(page):
    answer = await page.client.post("/files/a.css", content=b"x")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "text/html; charset=utf-8")


async def test_a_file_that_a_browser_shows_as_a_page_has_the_policy_of_pages(page):
    for name, kind in (("a.html", "text/html"), ("a.svg", "image/svg+xml")):
        headers = (await page.get(f"/files/{name}")).headers
        assert headers["content-type"].partition(";")[0] == kind
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )


async def test_a_file_of_a_kind_that_browsers_do_not_show_is_for_saving(page):
    headers = (await page.get("/files/a.sh")).headers
    assert headers["content-type"].startswith("application/")
    assert headers["x-content-type-options"] == "nosniff"


async def test_files_are_not_personal_whoever_asks_for_them(page):
    page.client.cookies.set("quartapp_session", "x")
    headers = (await page.get("/files/a.css")).headers
    assert headers["cache-control"] == "no-cache"
    assert (await page.get("/files/none")).headers["cache-control"] == "no-store"


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
