"""The WebSocket contract, row by row: tokens at the handshake, and the size of frames."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from quartapp_contract_suite.websocket.client import (
    DEADLINE_SECONDS,
    message,
    open_socket,
    websocket_url,
)
from quartapp_contract_suite.websocket.lesson import (
    ID,
    STUDENT_ONLY,
    TEACHER_ONLY,
    UNAUTHORIZED,
    UNKNOWN,
    counted,
    mark,
    marked,
    own,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.sync.client import ClientConnection

    from quartapp_contract_suite.websocket.document import Document
    from quartapp_contract_suite.websocket.lesson import Cast, Connect, Lesson

LIMIT_BYTES = 64 * 1024


def forged(token: str) -> str:
    head, _, signature = token.split(".")
    claims = {"id": ID, "role": "teacher", "iat": 1, "exp": 9_999_999_999}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def unsigned(_: str) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, {"id": ID, "role": "teacher", "exp": 9_999_999_999})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b""]).decode()


@pytest.mark.parametrize(
    "query",
    [
        lambda _: "",
        lambda _: "?token=",
        lambda _: "?token=nonsense",
        lambda _: "?token=a.b.c",
        lambda _: "?token=%00%ff",
        lambda token: f"?token={token}x",
        lambda token: f"?token={forged(token)}",
        lambda token: f"?token={unsigned(token)}",
        lambda token: f"?jwt={token}",
    ],
    ids=[
        "missing",
        "empty",
        "nonsense",
        "three parts",
        "bytes",
        "signature",
        "forged",
        "unsigned",
        "other name",
    ],
)
def test_bad_token_gets_one_error_and_close_code_1008(
    query: Callable[[str], str], cast: Cast, base_url: str, document: Document
) -> None:
    with open_socket(websocket_url(base_url, query(cast.teacher.token))) as connection:
        text = connection.recv(DEADLINE_SECONDS)
        assert isinstance(text, str)
        assert document.check_server_frame(text) == UNAUTHORIZED
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_may_come_as_a_header(scheme: str, cast: Cast, base_url: str) -> None:
    headers = {"Authorization": f"{scheme} {cast.teacher.token}"}
    with open_socket(websocket_url(base_url), headers) as connection:
        connection.send(message("MY_ATTENDANCE"))
        assert json.loads(connection.recv(DEADLINE_SECONDS)) == STUDENT_ONLY


def test_bad_header_gets_one_error_and_close_code_1008(base_url: str) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    with open_socket(websocket_url(base_url), headers) as connection:
        assert json.loads(connection.recv(DEADLINE_SECONDS)) == UNAUTHORIZED
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


VERSION_1 = "quartapp.v1"


@pytest.mark.parametrize("way", ["subprotocol", "address"])
def test_the_token_may_come_as_a_subprotocol_that_the_answer_does_not_name(
    way: str, cast: Cast, base_url: str
) -> None:
    # The name of the version is the answer, wherever the token is.
    carried = way == "subprotocol"
    names = [VERSION_1, *([f"bearer.{cast.teacher.token}"] if carried else [])]
    url = websocket_url(base_url, "" if carried else f"?token={cast.teacher.token}")
    with open_socket(url, subprotocols=names) as connection:
        assert connection.subprotocol == VERSION_1
        connection.send(json.dumps({"event": "MY_ATTENDANCE", "ref": "one"}))
        assert json.loads(connection.recv(DEADLINE_SECONDS)) == {**STUDENT_ONLY, "ref": "one"}


def test_bad_token_as_a_subprotocol_gets_one_error_and_close_code_1008(
    cast: Cast, base_url: str
) -> None:
    names = [VERSION_1, f"bearer.{cast.teacher.token}x"]
    with open_socket(websocket_url(base_url), subprotocols=names) as connection:
        assert json.loads(connection.recv(DEADLINE_SECONDS)) == UNAUTHORIZED
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


# Compression, which a server may agree to.


def test_a_client_that_offers_compression_gets_the_same_frames(
    lesson: Lesson, connect: Connect
) -> None:
    teacher, student = (connect(who, "deflate") for who in (lesson.teacher, lesson.first))
    expected = [marked(lesson.first, "present"), marked(lesson.second, "absent"), counted(1, 1)]
    assert teacher.ask(mark(lesson.first, "present")) == expected[0]
    assert lesson.teacher_socket.receive() == expected[0]
    # Whoever sends, compressed or not, everybody gets the broadcast in one order.
    assert lesson.teacher_socket.ask(mark(lesson.second, "absent")) == expected[1]
    assert teacher.receive() == expected[1]
    assert teacher.ask(message("TODAY_SUMMARY")) == expected[2]
    for socket in (student, lesson.first_socket):
        assert [socket.receive() for _ in expected] == expected
    assert student.ask(message("MY_ATTENDANCE")) == own("present")
    assert student.ask(message("DONE")) == TEACHER_ONLY


# Sizes, which count before a frame is compressed.

COMPRESSIONS = pytest.mark.parametrize(
    "compression", [None, "deflate"], ids=["plain", "compression offered"]
)


@COMPRESSIONS
@pytest.mark.parametrize("character", ["x", "\u20ac"], ids=["one byte", "three bytes"])
def test_a_frame_of_64_kib_is_taken(
    character: str, compression: str | None, cast: Cast, connect: Connect
) -> None:
    frame = sized(LIMIT_BYTES, character)
    assert connect(cast.teacher, compression).ask(frame) == UNKNOWN


@COMPRESSIONS
@pytest.mark.parametrize(
    "frame",
    [
        lambda: sized(LIMIT_BYTES + 1, "x"),
        lambda: sized(LIMIT_BYTES + 1, "\u20ac"),
        lambda: bytes(LIMIT_BYTES + 1),
        lambda: sized(16 * LIMIT_BYTES, "x"),
    ],
    ids=["a byte more", "a byte more of fewer characters", "binary", "a MiB"],
)
def test_a_larger_frame_gets_close_code_1009(
    frame: Callable[[], str | bytes], compression: str | None, cast: Cast, base_url: str
) -> None:
    url = websocket_url(base_url, f"?token={cast.teacher.token}")
    opened = open_socket(url, compression=compression)
    with opened as connection, pytest.raises(ConnectionClosed) as closed:
        send_and_receive(connection, frame())
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def send_and_receive(connection: ClientConnection, frame: str | bytes) -> None:
    # Either call may be the first to notice that the server has closed the socket.
    connection.send(frame)
    connection.recv(DEADLINE_SECONDS)


def sized(size: int, character: str) -> str:
    head, tail = '{"event":"HELLO","x":"', '"}'
    room = size - len(head) - len(tail)
    width = len(character.encode())
    text = head + character * (room // width) + "." * (room % width) + tail
    assert len(text.encode()) == size
    return text
