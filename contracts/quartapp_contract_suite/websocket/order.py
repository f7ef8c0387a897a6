"""The search for an order of concurrent frames that explains the answers to them.

The contract promises that the server handles the frames of one connection in the order sent, and
that everybody sees the broadcasts in one order. The order between connections is open. So the
observed frames are correct if some order of all frames, run through the model, gives each sender
its answers and everybody the broadcasts. Sessions of several classes have an order each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.websocket.model import copied, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.model import Model, Outcome

    Broadcasts = Mapping[str, Sequence[JsonObject]]
    # A DONE on its way: its class, its text and its reference.
    Ending = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Sent:
    """The frames and answers of one sender.

    Attributes:
        name: Name of the sender in messages of the test.
        person: The person who opened the socket; None for requests over HTTP.
        steps: Frames in order; over HTTP a method of ``Model`` with its arguments.
        answers: Frames that only this socket received, in order; a copy of a broadcast that has a
            reference is such a frame too.
        version: Version of the socket; 0 for none.
    """

    name: str
    person: Person | None
    steps: Sequence[Any]
    answers: Sequence[JsonObject] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class _Point:
    """The progress of an order: frames and answers of each sender, broadcasts, and the model."""

    steps: tuple[int, ...]
    answers: tuple[int, ...]
    waiting: tuple[Ending | None, ...]
    shown: tuple[int, ...]
    model: Model


def explain(
    document: Document, models: set[Model], sent: Sequence[Sent], broadcasts: Broadcasts
) -> set[Model]:
    """Return the possible states after concurrent frames.

    Args:
        document: The server's document.
        models: The possible states before.
        sent: The frames and answers of all senders.
        broadcasts: The broadcasts that everybody received, in order: in scope ``class`` those of
            each class, in scope ``global`` all of them under the empty text.

    Returns:
        The final states of all orders that explain the answers; empty if no order does.
    """
    start = (0,) * len(sent)
    none = (0,) * len(broadcasts)
    points = [_Point(start, start, (None,) * len(sent), none, model) for model in models]
    seen = set(points)
    ends = set()
    while points:
        point = points.pop()
        if _complete(point, sent, broadcasts):
            ends.add(point.model)
        for after in _next(document, point, sent, broadcasts):
            if after not in seen:
                seen.add(after)
                points.append(after)
    return ends


def alone(document: Document, model: Model, sender: Sent, person: Person) -> list[JsonObject]:
    """Return the answers to the frames of one sender if nobody else sent a frame."""
    answers = []
    for frame in sender.steps:
        found = outcome(document, model, person, frame, sender.version)
        answers.append(found.copy)
        model = found.model
    return answers


def _complete(point: _Point, sent: Sequence[Sent], broadcasts: Broadcasts) -> bool:
    return (
        point.shown == tuple(map(len, broadcasts.values()))
        and not any(point.waiting)
        and all(
            (done, got) == (len(sender.steps), len(sender.answers))
            for done, got, sender in zip(point.steps, point.answers, sent, strict=True)
        )
    )


def _next(
    document: Document, point: _Point, sent: Sequence[Sent], broadcasts: Broadcasts
) -> Iterator[_Point]:
    for number, sender in enumerate(sent):
        if (awaited := point.waiting[number]) is not None:
            # The end of a session takes a moment, so its broadcast may come after other frames.
            class_id, told, ref = awaited
            for after in _shown(point, [json.loads(told)], class_id, broadcasts):
                ended = replace(after, waiting=_put(point.waiting, number, None))
                copy = copied(json.loads(told), ref, class_id)
                yield from [ended] if ref is None else _copied(ended, number, sender, copy)
            continue
        if point.steps[number] == len(sender.steps):
            continue
        step = sender.steps[point.steps[number]]
        moved = replace(point, steps=_put(point.steps, number, point.steps[number] + 1))
        if sender.person is None:
            verb, *arguments = step
            yield replace(moved, model=getattr(point.model, verb)(*arguments))
            continue
        found = outcome(document, point.model, sender.person, step, sender.version)
        moved = replace(moved, model=found.model)
        if found.answer["event"] == "DONE":
            end = (found.class_id, _text(found.answer), found.ref)
            yield replace(moved, waiting=_put(point.waiting, number, end))
        else:
            yield from _answered(moved, number, sender, found, broadcasts)


def _answered(
    point: _Point, number: int, sender: Sent, found: Outcome, broadcasts: Broadcasts
) -> Iterator[_Point]:
    """Yield the point after a frame's broadcasts and answer, if they are those that were seen."""
    shown = (*found.shown, found.answer) if found.to_all else found.shown
    for after in _shown(point, shown, found.class_id, broadcasts):
        if found.to_all and found.ref is None:
            yield after
        else:
            yield from _copied(after, number, sender, found.copy)


def _shown(
    point: _Point, frames: Sequence[JsonObject], class_id: str, broadcasts: Broadcasts
) -> Iterator[_Point]:
    """Yield the point after broadcasts of a class, if they are the next ones that were seen."""
    if not frames:
        yield point
        return
    if class_id not in broadcasts:
        return
    place = list(broadcasts).index(class_id)
    begin = point.shown[place]
    end = begin + len(frames)
    if list(broadcasts[class_id][begin:end]) == list(frames):
        yield replace(point, shown=_put(point.shown, place, end))


def _copied(point: _Point, number: int, sender: Sent, copy: JsonObject) -> Iterator[_Point]:
    """Yield the point after the sender's copy of an answer, if that is the sender's next frame."""
    got = point.answers[number]
    if got < len(sender.answers) and copy == sender.answers[got]:
        yield replace(point, answers=_put(point.answers, number, got + 1))


def _put(values: tuple[Any, ...], number: int, value: object) -> tuple[Any, ...]:
    return (*values[:number], value, *values[number + 1 :])


def _text(frame: JsonObject) -> str:
    return json.dumps(frame, sort_keys=True)
