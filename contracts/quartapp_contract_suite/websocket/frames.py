"""Generators of frames, valid, nearly valid and hostile, from the document's schemas.

Ids are unknown while frames are generated, so frames are templates: ``@name@`` stands for an id,
and ``@NAME@`` for the same id in upper case.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quartapp_contract_suite.websocket.document import Document

    Strategy = st.SearchStrategy[Any]

FRAME_BYTES = 64 * 1024
SHORT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON_VALUES: Strategy = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    SHORT,
    st.just([]),
    st.just({}),
    st.lists(SHORT, max_size=2),
    st.dictionaries(SHORT, SHORT, max_size=2),
)
NOT_IDS = st.one_of(
    st.sampled_from(
        [
            "",
            "0" * 23,
            "0" * 25,
            "g" * 24,
            "0" * 23 + "\n",
            "0" * 24 + "\n",
            " " + "0" * 24,
            "\u0660" * 24,
            "0" * 23 + "\x00",
            "attendance",
            "$where",
            "signal.entries",
        ]
    ),
    st.sampled_from([{"$ne": None}, {"$gt": ""}, {"$oid": "0" * 24}, ["0" * 24], None, True, 0]),
)
REFERENCES = ["a", "b", "c", "\u00e9" * 64]
NOT_REFERENCES = st.sampled_from(["", "x" * 65, 1, True, ["a"], {"a": 1}])
NEARLY_STATUSES = st.sampled_from(
    ["Present", "PRESENT", " present", "present\x00", "late", "", "not yet updated"]
)
EXTRA_KEYS = st.sampled_from(
    ["", "x", "_id", "role", "$set", "a.b", "__proto__", "__class__", "\x00", "\U0001f600"]
)


class Frames:
    """Strategies for the events of one document.

    The strategies leave out events of plugins, since the model does not know their effects.

    Args:
        document: The server's document, with the schemas.
        identifiers: Names of ids to choose from, by field: ``studentId`` and ``classId``.
    """

    def __init__(self, document: Document, identifiers: Mapping[str, Sequence[str]]) -> None:
        self._document = document
        self._identifiers = {
            name: st.sampled_from([*(f"@{known}@" for known in names), f"@{names[0].upper()}@"])
            for name, names in identifiers.items()
        }
        self._not_statuses = st.one_of(NEARLY_STATUSES, JSON_VALUES).filter(
            lambda value: value not in document.statuses
        )

    def valid(self, event: str) -> Strategy:
        """Return a strategy for frames of ``event`` that fit the schema."""
        return _styled(self._object(self._document.frames[event]))

    def valid_v1(self, event: str) -> Strategy:
        """Return a strategy for frames of ``event`` from sockets of version 1, mostly valid."""
        names = st.sampled_from(REFERENCES)
        refs = st.sampled_from([names] * 4 + [NOT_REFERENCES]).flatmap(lambda kind: kind)
        frames = self._object(self._document.frames_v1[event])
        with_ref = st.builds(lambda frame, ref: {**frame, "ref": ref}, frames, refs)
        return _styled(st.one_of(frames, with_ref, with_ref))

    def nearly_valid(self) -> Strategy:
        """Return a strategy for frames with one mistake."""

        @st.composite
        def frames(draw: Callable[[Strategy], Any]) -> str:
            # An event with more fields has more possible mistakes, so it comes more often.
            fields = [name for name in self._document.frames for _ in self._fields(name)]
            event = draw(st.sampled_from(fields))
            frame = draw(self._object(self._document.frames[event]))
            data = dict(frame.get("data", {}))
            where = draw(st.sampled_from(["field", "field", "field", "missing", "data", "event"]))
            if where == "event":
                other = draw(
                    st.one_of(JSON_VALUES, st.just(event.lower()), st.just(event + "\x00"))
                )
                frame = {**frame, "event": other}
                return str(draw(_styled(st.just(frame))))
            if where == "data":
                other = draw(JSON_VALUES.filter(lambda value: not isinstance(value, dict)))
                return str(draw(_styled(st.just({**frame, "data": other}))))
            name = draw(st.sampled_from(sorted(self._fields(event))))
            data.pop(name, None)
            if where == "field":
                data[name] = draw(self._not_statuses if name == "status" else NOT_IDS)
            return str(draw(_styled(st.just({**frame, "data": data}))))

        return frames()

    def hostile(self) -> Strategy:
        """Return a strategy for frames that may break a parser: text or binary, below the limit."""
        fitting = st.sampled_from(sorted(self._document.frames)).flatmap(self.valid)
        text = st.one_of(
            st.sampled_from(_fixed()),
            st.tuples(fitting, st.integers(1, 60)).map(lambda cut: cut[0][: -cut[1]]),
            st.builds(_with_raw_field, fitting, RAW_VALUES),
            st.builds(_with_raw_event, RAW_VALUES),
            st.builds(_twice, fitting, fitting),
            st.text(st.characters(codec="utf-8"), max_size=40),
            JSON_VALUES.map(json.dumps),
        )
        binary = st.one_of(
            st.sampled_from([b"", b"\x00", b"\xff\xfe"]),
            st.sampled_from([1_000, 60_000]).map(bytes),
            st.binary(max_size=20),
            fitting.map(str.encode),
        )
        return st.one_of(text, text, text, binary)

    def unknown_event(self) -> Strategy:
        """Return a strategy for frames of unknown events."""
        names = st.one_of(
            st.sampled_from(["ERROR", "done", "DONE ", "", "MARK", "HELLO", "\x00", "constructor"]),
            SHORT.filter(lambda name: name not in self._document.roles),
        )
        return _styled(st.fixed_dictionaries({"event": names}, optional={"data": st.just({})}))

    def _fields(self, event: str) -> dict[str, Any]:
        return dict(self._document.frames[event]["properties"]["data"]["properties"])

    def _object(self, schema: dict[str, Any]) -> Strategy:
        required = schema.get("required", ())
        fields = {name: self._value(name, part) for name, part in schema["properties"].items()}
        fitting = st.fixed_dictionaries(
            {name: field for name, field in fields.items() if name in required},
            optional={name: field for name, field in fields.items() if name not in required},
        )
        # The schemas of client frames are open: the server ignores further fields.
        extra = st.dictionaries(EXTRA_KEYS, JSON_VALUES, max_size=1)
        return st.builds(lambda more, known: {**more, **known}, extra, fitting)

    def _value(self, name: str, schema: dict[str, Any]) -> Strategy:
        if "anyOf" in schema:
            return st.one_of([self._value(name, part) for part in schema["anyOf"]])
        if schema.get("type") == "null":
            return st.none()
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if name in self._identifiers:
            return self._identifiers[name]
        if schema["type"] == "object":
            return self._object(schema)
        return st.from_regex(schema["pattern"], fullmatch=True)


def _styled(frames: Strategy) -> Strategy:
    """Return a strategy that writes the same JSON in different ways."""
    return st.builds(_write, frames, st.sampled_from(["compact", "wide", "escaped", "turned"]))


def _write(frame: dict[str, Any], style: str) -> str:
    if style == "wide":
        return f"\r\n\t {json.dumps(frame, indent=3, ensure_ascii=False)} \n"
    if style == "turned":
        frame = dict(reversed(frame.items()))
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=style == "escaped")


def _with_raw_field(frame: str, raw: str) -> str:
    return f'{{"ignored":{raw},{frame.strip()[1:]}'


def _with_raw_event(raw: str) -> str:
    return f'{{"event":{raw}}}'


def _twice(first: str, second: str) -> str:
    return f"{first.strip()[:-1]},{second.strip()[1:]}"


@cache
def _raw_values() -> tuple[str, ...]:
    long = FRAME_BYTES - 1500
    return (
        *("[" * depth + "]" * depth for depth in (20, 150, 300, 5_000, long // 2)),
        *('{"a":' * depth + "1" + "}" * depth for depth in (150, 300, 5_000)),
        "[" * long,
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ud83d\\ude00"',
        '{"\\ud800":1}',
        "1e400",
        "-1e400",
        "1e-400",
        "9" * 4_000,
        "9" * 5_000,
        "-" + "9" * long,
        "0." + "9" * 5_000,
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "+1",
        "0x10",
        "'DONE'",
        "undefined",
        '"\\u0000"',
        '"\x00"',
        '"\x1f"',
        '"\x7f\u2028\ufeff"',
        '"' + "x" * long + '"',
        '"' + "\U0001f600" * (long // 4) + '"',
        '"' + "\\u0041" * (long // 6) + '"',
        "[" + "0," * (long // 2) + "0]",
        "{" + ",".join(f'"{number}":0' for number in range(5_000)) + "}",
        '{"a":1,"a":2}',
        "[1,]",
        "null // comment",
        "null /* comment */",
    )


def _raw_value(number: int) -> str:
    return _raw_values()[number]


# The strategy draws numbers, since Hypothesis would print the long values.
RAW_VALUES = st.integers(0, len(_raw_values()) - 1).map(_raw_value)
"""Texts that are JSON or nearly JSON."""


def _fixed() -> list[str]:
    return [
        "",
        " ",
        "\x00",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "true",
        "0",
        '"DONE"',
        "\ufeff{}",
        '\ufeff{"event":"DONE"}',
        '{"event":"DONE"}{"event":"DONE"}',
        '{"event":"DONE"} x',
        '{event:"DONE"}',
        '[{"event":"DONE"}]',
        '{"event":"DONE","data":null}',
        '{"event":"DONE","data":[]}',
        '{"event":["DONE"]}',
        '{"Event":"DONE"}',
        '{"event":"DONE","event":1}',
        '{"event":1,"event":"PROBE"}',
        '{"event":"DO\\u004eE","data":{"classId":"x"}}',
    ]


def filled(template: str | bytes, identifiers: Mapping[str, str]) -> str | bytes:
    """Return ``template`` with ids in place of their names."""
    if isinstance(template, bytes):
        return template
    for name, identifier in identifiers.items():
        template = template.replace(f"@{name}@", identifier)
        template = template.replace(f"@{name.upper()}@", identifier.upper())
    return template
