"""From an event to a message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from bson import ObjectId

from quartapp_attendance.happenings import AttendanceMarked
from quartapp_webhooks.message import body_of, message_of, type_of

AT = datetime(2026, 1, 8, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AttendanceMarked", "attendance.marked"),
        ("LibraryCardLent", "library_card.lent"),
        ("LTIScorePosted", "lti_score.posted"),
        ("Grade12Published", "grade12.published"),
        ("Ping", "ping"),
    ],
)
def test_type_of_a_message_is_made_from_the_name_of_the_class(name, expected):
    assert type_of(type(name, (), {})) == expected


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Shelf:
    shelf_number: int


@dataclass(frozen=True, slots=True)
class CardLent:
    card_id: ObjectId
    lent_at: datetime
    due_on: date
    fee: Decimal
    colour: Colour
    shelves: tuple[Shelf, ...]
    notes: dict[str, Any]
    tags: frozenset[str]
    other: object


def test_value_of_any_type_is_written_as_json():
    class Strange:
        def __str__(self):
            return "strange"

    event = CardLent(
        card_id=ObjectId("6a1f0c2e9d3b4a5c6d7e8f90"),
        lent_at=AT,
        due_on=date(2026, 2, 1),
        fee=Decimal("1.50"),
        colour=Colour.RED,
        shelves=(Shelf(4),),
        notes={"free_text": "Übung"},
        tags=frozenset({"a"}),
        other=Strange(),
    )
    message = message_of(event)
    stored = {"type": message.type, "data": message.data}
    expected = {
        "type": "card.lent",
        "timestamp": "2026-01-08T10:30:00.000Z",
        "data": {
            "cardId": "6a1f0c2e9d3b4a5c6d7e8f90",
            "lentAt": "2026-01-08T10:30:00.000Z",
            "dueOn": "2026-02-01",
            "fee": "1.50",
            "colour": "red",
            "shelves": [{"shelfNumber": 4}],
            "notes": {"free_text": "Übung"},
            "tags": ["a"],
            "other": "strange",
        },
    }
    assert json.loads(body_of(stored, AT, None)) == expected
    assert json.loads(body_of(stored, AT, 7))["data"] == {**expected["data"], "seq": 7}
    assert body_of(stored, AT, 7) == body_of(stored, AT, 7)


def test_each_message_has_an_id_of_its_own():
    marked = AttendanceMarked("s", "c", "u", "present", "t", None)
    assert message_of(marked).id != message_of(marked).id
