"""The pages about accounts, in a browser."""

from __future__ import annotations

import re

from playwright.async_api import expect

from quartapp import core
from quartapp_auth import Invitations, Resets

NEW = "a new password"


async def test_person_changes_the_password_and_signs_out_everywhere(serve, visit):
    server = await serve()
    ada = await server.person("teacher", name="Ada Lovelace")
    visitor = await visit(server, ada)
    visitor.expected = ("status of 422",)
    page = visitor.page
    await visitor.goto("/app/today")
    await page.get_by_role("link", name="Ada Lovelace").click()
    await visitor.look("account")
    await page.get_by_role("textbox", name="Present password").fill("wrong")
    await page.get_by_role("textbox", name="New password").fill(NEW)
    await page.get_by_role("button", name="Change the password").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("This is not your present password")
    await visitor.look("account-wrong")
    await alert.get_by_role("link").click()
    await expect(page.get_by_role("textbox", name="Present password")).to_be_focused()
    await page.keyboard.type(ada.password)
    await page.get_by_role("textbox", name="New password").fill(NEW)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    await page.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await visitor.sign_in(ada.email, NEW)
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()


async def test_code_of_a_link_is_in_the_form_and_no_longer_in_the_address(serve, visit):
    server = await serve()
    ada = await server.person("student")
    made = await core(server.app).services.get(Resets).make(ada.id)
    visitor = await visit(server)
    page = visitor.page
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    await visitor.goto(f"/app/reset#code={made.text}")
    await expect(page.get_by_role("textbox", name="Code")).to_have_value(made.text)
    await expect(page).to_have_url(f"{server.url}/app/reset")
    await expect(page.get_by_role("textbox", name="New password")).to_be_focused()
    assert not any(made.text in url.partition("#")[0] for url in asked)
    await visitor.look("reset")
    await page.keyboard.type(NEW)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Your password is set")
    await visitor.sign_in(ada.email, NEW)
    await expect(page.get_by_role("heading", name="Now")).to_be_visible()


async def test_invitation_is_accepted_without_a_script_in_german(serve, visit):
    server = await serve()
    _, secret = await core(server.app).services.get(Invitations).make("teacher", None)
    visitor = await visit(server, locale="de-DE", java_script_enabled=False)
    page = visitor.page
    await visitor.goto("/app/sign-in")
    await page.get_by_role("link", name="Ich habe eine Einladung").click()
    await page.get_by_role("textbox", name="Einladung").fill(secret)
    await page.get_by_role("textbox", name="Name").fill("Zoë")
    await page.get_by_role("textbox", name="E-Mail").fill("zoe@school.example")
    await page.get_by_role("textbox", name="Passwort").fill(NEW)
    await page.get_by_role("button", name="Konto anlegen").click()
    await expect(page.get_by_role("heading", name="Heute")).to_be_visible()


async def test_pages_before_the_sign_in_are_accessible(serve, visit):
    server = await serve()
    visitor = await visit(server)
    for path, heading in (
        ("invitation", "Make your account"),
        ("setup", "The first administrator"),
        ("forgotten", "Forgotten password"),
    ):
        await visitor.goto(f"/app/{path}")
        await expect(visitor.page.get_by_role("heading", name=re.compile(heading))).to_be_visible()
        await visitor.look(path)
