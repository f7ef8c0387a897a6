"""Signing in and out, and the pages that tell of errors."""

from __future__ import annotations

import re

from playwright.async_api import expect


async def test_teacher_signs_in_and_out_by_keyboard(serve, visit):
    server = await serve()
    ada = await server.person("teacher")
    visitor = await visit(server)
    page = visitor.page
    await visitor.goto("/")
    await expect(page).to_have_url(re.compile("/app/sign-in"))
    await visitor.look("sign-in")
    await page.keyboard.type(ada.email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(ada.password)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in await visitor.context.cookies()}
    assert cookies["quartapp_session"]["httpOnly"]
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await visitor.context.cookies() == []
    await visitor.goto("/app/today")
    await expect(page).to_have_url(re.compile("sign-in"))


async def test_wrong_password_is_said_and_the_name_stays(serve, visit):
    server = await serve()
    ada = await server.person("teacher")
    visitor = await visit(server)
    visitor.expected = ("status of 400",)
    await visitor.goto("/app/sign-in")
    await visitor.sign_in(ada.email, "not this one")
    page = visitor.page
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await expect(page.get_by_role("textbox", name="E-mail or username")).to_have_value(ada.email)
    await expect(page.get_by_role("textbox", name="Password")).to_be_focused()
    await visitor.look("sign-in-wrong")


async def test_sign_in_works_without_a_script_in_german(serve, visit):
    server = await serve()
    ada = await server.person("teacher")
    visitor = await visit(server, locale="de-DE", java_script_enabled=False)
    page = visitor.page
    await visitor.goto("/app/today?from=home")
    await page.get_by_role("textbox", name=re.compile("^E-Mail ")).fill(ada.email)
    await page.get_by_role("textbox", name="Passwort").fill(ada.password)
    await page.get_by_role("button", name="Anmelden").click()
    await expect(page).to_have_url(server.url + "/app/today?from=home")
    await expect(page.get_by_role("heading", name="Heute")).to_be_visible()


async def test_missing_page_leads_back(serve, visit):
    server = await serve()
    visitor = await visit(server, await server.person("teacher"))
    visitor.expected = ("status of 404",)
    await visitor.goto("/app/nothing")
    await visitor.look("not-found")
    await visitor.page.get_by_role("link", name="To the first page").click()
    await expect(visitor.page.get_by_role("heading", name="Today")).to_be_visible()
