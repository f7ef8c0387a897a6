"""What a screen reader has of the roll call: roles, names and states, in the order of reading."""

from __future__ import annotations

from playwright.async_api import expect

from tests.web.rolls import called_lesson, counts, row

NAMES = ("Ada Lovelace", "محمد بن موسى", "<b>Bobby</b> & Co")
FRAME = """
- link "Skip to the content":
  - /url: "#main"
- banner:
  - link "quartapp":
    - /url: /app/
  - navigation "Sections":
    - link "Today":
      - /url: /app/today
    - link "Register":
      - /url: /app/register/
    - link "Reports":
      - /url: /app/report/
    - 'link /My account/'
    - button "Sign out"
- main
"""
ROLL = """
- main:
  - heading "Maths 7b" [level=1]
  - paragraph: /Live since/
  - status: 1 present, 0 absent, 2 not marked
  - text: Find a student
  - searchbox "Find a student"
  - list "Roll":
    - listitem:
      - text: Ada Lovelace
      - radiogroup "Ada Lovelace":
        - radio "Present" [checked]
        - text: Present
        - radio "Absent" [checked=false]
        - text: Absent
    - listitem:
      - text: محمد بن موسى
      - radiogroup "محمد بن موسى":
        - radio "Present" [checked=false]
        - text: Present
        - radio "Absent" [checked=false]
        - text: Absent
    - listitem:
      - text: <b>Bobby</b> & Co
      - radiogroup "<b>Bobby</b> & Co":
        - radio "Present" [checked=false]
        - text: Present
        - radio "Absent" [checked=false]
        - text: Absent
  - button "Undo" [disabled=false]
  - button "Mark the rest present" [disabled=false]
  - button "Review and finish" [disabled=false]
"""
AWAY = """
- main:
  - heading "Maths 7b" [level=1]
  - paragraph: Not connected
  - status: 1 present, 0 absent, 2 not marked
  - text: Find a student
  - searchbox "Find a student"
  - alert:
    - paragraph: /No connection/
  - list "Roll"
  - button "Undo"
  - button "Mark the rest present"
  - button "Review and finish"
"""
REVIEW = """
- main:
  - heading "Maths 7b" [level=1]
  - paragraph: /Live since/
  - status: 1 present, 0 absent, 2 not marked
  - region "Review":
    - heading "Review" [level=2]
    - paragraph: "Not marked yet. When you finish, they are recorded as absent:"
    - list:
      - listitem: محمد بن موسى
      - listitem: <b>Bobby</b> & Co
  - button "Back to the roll"
  - button "Finish roll call"
"""
DONE = """
- main:
  - heading "Maths 7b" [level=1]
  - status: 1 present, 2 absent, 0 not marked
  - region "The roll call is finished":
    - heading "The roll call is finished" [level=2]
    - paragraph: 1 present, 2 absent, 0 not marked
    - paragraph:
      - link "Back to Today":
        - /url: /app/today
"""


async def test_screen_reader_has_the_roll_by_roles_and_names(serve, visit):
    visitor, *_ = await called_lesson(serve, visit, NAMES)
    visitor.expected = ("ERR_INTERNET_DISCONNECTED", "WebSocket connection")
    page = visitor.page
    await counts(page, 0, 0, 3)
    await row(page, "Ada").get_by_role("radio", name="Present").check()
    await counts(page, 1, 0, 2)
    whole = page.locator("body")
    await expect(whole).to_match_aria_snapshot(FRAME)
    await expect(whole).to_match_aria_snapshot(ROLL)
    await visitor.context.set_offline(True)
    await expect(whole).to_match_aria_snapshot(AWAY)
    await visitor.context.set_offline(False)
    await expect(whole).to_match_aria_snapshot(ROLL)
    await page.get_by_role("button", name="Review and finish").click()
    await expect(whole).to_match_aria_snapshot(REVIEW)
    await page.get_by_role("button", name="Finish roll call").click()
    await expect(whole).to_match_aria_snapshot(DONE)
