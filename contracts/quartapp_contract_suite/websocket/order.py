"""Frames that several sockets sent at once: is there one order that explains what they got?

The contract promises that the frames of one connection are handled in the order sent, and that
everybody sees the broadcasts in one order. In which order the frames of different connections are
handled is open. So what was observed is right when some order of all frames, run through the
model, gives each sender its answers and everybody the broadcasts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.websocket.model import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quartapp.encoding import JsonObject
    from quartapp_contract_suite.people import Person
    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.model import Model


@dataclass(frozen=True, slots=True)
class Sent:
    """What one sender did, and got.

    Attributes:
        name: What messages of the test call the sender.
        person: Whose socket it is; None for requests over HTTP.
        steps: Frames in order, or ``(verb, class)`` over HTTP.
        answers: What came to that socket alone, in order.
    """

    name: str
    person: Person | None
    steps: Sequence[Any]
    answers: Sequence[JsonObject] = ()


@dataclass(frozen=True, slots=True)
class _Point:
    """How far an order has got: frames and answers of each sender, broadcasts, and the model."""

    steps: tuple[int, ...]
    answers: tuple[int, ...]
    waiting: tuple[str | None, ...]
    shown: int
    model: Model


def explain(
    document: Document, models: set[Model], sent: Sequence[Sent], broadcasts: Sequence[JsonObject]
) -> set[Model]:
    """What may be so after ``sent``, seen as ``broadcasts``.

    Args:
        document: The contract.
        models: What may have been so before.
        sent: All that was sent at once.
        broadcasts: What everybody got, in order.

    Returns:
        The models that the possible orders end in; empty when no order explains it.
    """
    start = (0,) * len(sent)
    points = [_Point(start, start, (None,) * len(sent), 0, model) for model in models]
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


def alone(
    document: Document, model: Model, person: Person, frames: Sequence[str | bytes]
) -> list[JsonObject]:
    """The answers to ``frames`` of one sender, were nobody else sending."""
    answers = []
    for frame in frames:
        found = outcome(document, model, person, frame)
        answers.append(found.answer)
        model = found.model
    return answers


def _complete(point: _Point, sent: Sequence[Sent], broadcasts: Sequence[JsonObject]) -> bool:
    return (
        point.shown == len(broadcasts)
        and not any(point.waiting)
        and all(
            (done, got) == (len(sender.steps), len(sender.answers))
            for done, got, sender in zip(point.steps, point.answers, sent, strict=True)
        )
    )


def _next(
    document: Document, point: _Point, sent: Sequence[Sent], broadcasts: Sequence[JsonObject]
) -> Iterator[_Point]:
    for number, sender in enumerate(sent):
        if (told := point.waiting[number]) is not None:
            # The end of a session takes a moment; what it leads to is shown after it.
            if point.shown < len(broadcasts) and told == _text(broadcasts[point.shown]):
                yield replace(
                    point, waiting=_put(point.waiting, number, None), shown=point.shown + 1
                )
            continue
        if point.steps[number] == len(sender.steps):
            continue
        step = sender.steps[point.steps[number]]
        moved = replace(point, steps=_put(point.steps, number, point.steps[number] + 1))
        if sender.person is None:
            verb, class_id = step
            yield replace(moved, model=getattr(point.model, verb)(class_id))
            continue
        found = outcome(document, point.model, sender.person, step)
        moved = replace(moved, model=found.model)
        if found.answer["event"] == "DONE":
            yield replace(moved, waiting=_put(point.waiting, number, _text(found.answer)))
        elif found.to_all:
            if point.shown < len(broadcasts) and found.answer == broadcasts[point.shown]:
                yield replace(moved, shown=point.shown + 1)
        else:
            got = point.answers[number]
            if got < len(sender.answers) and found.answer == sender.answers[got]:
                yield replace(moved, answers=_put(point.answers, number, got + 1))


def _put(values: tuple[Any, ...], number: int, value: object) -> tuple[Any, ...]:
    return (*values[:number], value, *values[number + 1 :])


def _text(frame: JsonObject) -> str:
    return json.dumps(frame, sort_keys=True)
