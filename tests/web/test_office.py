"""The administrator's pages about classes and invitations, in a browser."""

from __future__ import annotations

from playwright.async_api import expect

from quartapp_classes.testing import class_room

NAMES = ("<b>Bobby</b> & Co Qqz", "محمد بن موسى", "🙂 Zoë Qqz", "W" * 90 + " Qqz")


async def test_office_creates_a_class_fills_its_roll_and_prints_the_first_codes(serve, visit):
    server = await serve()
    admin = await server.person("admin", name="The office")
    teacher = await server.person("teacher", name="Ada Qqteacher")
    for number, name in enumerate(NAMES):
        new = {"name": name, "username": f"new{number}.qqz", "role": "student"}
        answer = await server.api.post("/admin/people", json=new, headers=admin.headers)
        assert answer.status_code == 201
    await class_room(server, teacher, name="صف " + "W" * 60 + " Qqx")
    visitor = await visit(server, admin)
    page = visitor.page
    await visitor.goto("/app/today")
    await page.get_by_role("link", name="Classes").click()
    await page.get_by_role("searchbox").fill("صف")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    await visitor.look("every-class")
    await page.get_by_role("link", name="Create a class").click()
    await page.get_by_role("textbox", name="Name of the class").fill("Maths <7b>")
    await page.get_by_role("textbox", name="Teacher").fill("nobody like this")
    visitor.expected = ("422",)
    await page.get_by_role("button", name="Create the class").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nobody with this name")
    await visitor.look("new-class")
    await page.get_by_role("textbox", name="Teacher").fill("Ada Qqteacher")
    await page.get_by_role("button", name="Create the class").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Maths <7b>")

    await page.get_by_role("textbox", name="Students to add").fill("\n".join((*NAMES, "Nobody")))
    await page.get_by_role("button", name="Add to the roll").click()
    await expect(page.get_by_role("textbox", name="Students to add")).to_have_value("Nobody\n")
    await expect(page.get_by_role("list", name="Roll").get_by_role("listitem")).to_have_count(4)
    await visitor.look("class")
    await page.get_by_role("button", name="Make the sheet of codes").click()
    await expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(4)
    await visitor.look("credentials")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("navigation")).to_be_hidden()
    await expect(page.get_by_role("listitem").filter(has_text="Bobby")).to_be_visible()


async def test_office_withdraws_an_invitation_and_makes_it_again(serve, visit, monkeypatch):
    monkeypatch.setenv("QUARTAPP_AUTH_REGISTRATION", "invite")
    server = await serve()
    visitor = await visit(server, await server.person("admin", name="The office"))
    page = visitor.page
    await visitor.goto("/app/people/invite")
    await page.get_by_role("textbox", name="E-mail").fill(f"{'long' * 12}@school.example")
    await page.get_by_role("button", name="Make the invitation").click()
    await page.get_by_role("link", name="People").click()
    await page.get_by_role("link", name="Invitations").click()
    await page.get_by_role("button", name="Withdraw").click()
    await expect(page.get_by_role("status")).to_contain_text("The invitation is withdrawn")
    await visitor.look("invitations")
    await page.get_by_role("button", name="Make it again").click()
    await expect(page.get_by_role("status")).to_contain_text("It is shown this once")
