"""Requests that no client sends by accident, by kind, with the status that refuses each."""

from __future__ import annotations

HOST = b"Host: school.example\r\n"
SMUGGLED = b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
SOCKET = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
VERSION = b"Sec-WebSocket-Version: 13\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"

BAD_REQUEST, TOO_LARGE, NOT_IMPLEMENTED, VERSION_UNKNOWN = 400, 431, 501, 505


def post(fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """Return a request with the fields that describe its body."""
    return b"POST /healthz HTTP/" + version + b"\r\n" + HOST + fields + b"\r\n" + body


def get(fields: bytes, line: bytes = b"GET /healthz HTTP/1.1\r\n", host: bytes = HOST) -> bytes:
    """Return a request without a body."""
    return line + host + fields + b"\r\n"


def chunked(body: bytes) -> bytes:
    """Return a request whose body comes in chunks."""
    return post(b"Transfer-Encoding: chunked\r\n", body)


def handshake(*fields: bytes, line: bytes = b"GET /ws HTTP/1.1\r\n") -> bytes:
    """Return a handshake of a WebSocket."""
    return get(b"".join(fields), line)


# Bodies of which two programs may see different ends (RFC 9112, sections 6.1, 6.3 and 11.2).
LENGTHS = {
    "length and chunks": post(
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED
    ),
    "chunks and length": post(
        b"Transfer-Encoding: chunked\r\nContent-Length: 60\r\n", b"0\r\n\r\n" + SMUGGLED
    ),
    "length and an unknown coding": post(b"Content-Length: 0\r\nTransfer-Encoding: xchunked\r\n"),
    "two equal lengths": post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"),
    "two lengths": post(b"Content-Length: 3\r\nContent-Length: 0\r\n", b"abc"),
    "two lengths of different case": post(b"Content-Length: 3\r\ncONTENT-lENGTH: 3\r\n", b"abc"),
    "list of equal lengths": post(b"Content-Length: 3, 3\r\n", b"abc"),
    "list of lengths": post(b"Content-Length: 3, 0\r\n", b"abc"),
    "two codings": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    "two equal codings": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    "chunks in HTTP/1.0": post(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", version=b"1.0"),
    "length with a sign": post(b"Content-Length: +3\r\n", b"abc"),
    "negative length": post(b"Content-Length: -3\r\n", b"abc"),
    "hexadecimal length": post(b"Content-Length: 0x3\r\n", b"abc"),
    "length with a fraction": post(b"Content-Length: 3.0\r\n", b"abc"),
    "length with an underscore": post(b"Content-Length: 1_0\r\n", b"abc"),
    "length of other digits": post("Content-Length: ٣\r\n".encode(), b"abc"),
    "length of no digits": post(b"Content-Length: \r\n"),
    "length of 30 digits": post(b"Content-Length: " + b"9" * 30 + b"\r\n"),
    "space before the colon of a length": post(b"Content-Length : 3\r\n", b"abc"),
    "tab before the colon of a coding": post(b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n"),
    "coding on a continued line": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
}

# Chunks are read while the answer is made, so their errors may also come after an answer.
CHUNKS = {
    "negative chunk": chunked(b"-1\r\n"),
    "chunk of no size": chunked(b"\r\n\r\n"),
    "chunk with a prefix": chunked(b"0x3\r\nabc\r\n0\r\n\r\n"),
    "chunk with an underscore": chunked(b"1_0\r\nabc\r\n0\r\n\r\n"),
    "chunk with a space before the size": chunked(b" 3\r\nabc\r\n0\r\n\r\n"),
    "chunk with a space after the size": chunked(b"3 \r\nabc\r\n0\r\n\r\n"),
    "chunk of more than 64 bits": chunked(b"1" + b"0" * 16 + b"\r\n"),
    "chunk that ends with LF": chunked(b"3\nabc\n0\n\n" + b"\r\n"),
    "chunk with a CR in the extension": chunked(b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
    "chunk with a NUL in the extension": chunked(b"3;a\0b\r\nabc\r\n0\r\n\r\n"),
    "chunk that is longer than its size": chunked(b"3\r\nabcdef\r\n0\r\n\r\n"),
    "trailer with a NUL": chunked(b"0\r\nX: a\0b\r\n\r\n"),
    "trailer that ends with LF": chunked(b"0\r\nX: a\n\r\n\r\n"),
    "trailer on a continued line": chunked(b"0\r\nX: a\r\n b\r\n\r\n"),
    "trailer without a colon": chunked(b"0\r\nX\r\n\r\n"),
}

# Lines that two programs may read differently (RFC 9112, sections 2.2, 3 and 5).
LINES = {
    "request line that ends with LF": get(b"", b"GET /healthz HTTP/1.1\n"),
    "field that ends with LF": get(b"X: a\nY: b\r\n"),
    "head that ends with LF": b"GET /healthz HTTP/1.1\r\n" + HOST + b"\n",
    "nothing but LF": b"\n",
    "field that ends with CR": get(b"X: a\rY: b\r\n"),
    "CR at the end of a value": get(b"X: a\r\r\n"),
    "continued line": get(b"X: a\r\n b\r\n"),
    "continued line with a tab": get(b"X: a\r\n\tb\r\n"),
    "continued request line": get(b"", b"GET /healthz HTTP/1.1\r\n X: a\r\n"),
    "continued host": get(b"", host=b"Host:\r\n school.example\r\n"),
    "NUL in a value": get(b"X: a\0b\r\n"),
    "NUL in a name": get(b"X\0Y: a\r\n"),
    "NUL in the target": get(b"", b"GET /health\0z HTTP/1.1\r\n"),
    "escape character in a value": get(b"X: \x1b[2J\r\n"),
    "delete character in a value": get(b"X: \x7f\r\n"),
    "vertical tab in a value": get(b"X: a\x0bb\r\n"),
    "name with a space": get(b"X Y: a\r\n"),
    "name with a colon alone": get(b": a\r\n"),
    "name with other letters": get("Ä: a\r\n".encode()),
    "name with brackets": get(b"[X]: a\r\n"),
    "line without a colon": get(b"X\r\n"),
    "no host": get(b"", host=b""),
    "two hosts": get(b"Host: other.example\r\n"),
    "target with a space": get(b"", b"GET /health z HTTP/1.1\r\n"),
    "target with a tab": get(b"", b"GET /health\tz HTTP/1.1\r\n"),
    "target with other letters": get(b"", "GET /healthz?ä HTTP/1.1\r\n".encode()),
    "two spaces": get(b"", b"GET  /healthz HTTP/1.1\r\n"),
    "tab for a space": get(b"", b"GET\t/healthz HTTP/1.1\r\n"),
    "space before the method": get(b"", b" GET /healthz HTTP/1.1\r\n"),
    "no version": get(b"", b"GET /healthz\r\n"),
    "version in small letters": get(b"", b"GET /healthz http/1.1\r\n"),
    "version of three parts": get(b"", b"GET /healthz HTTP/1.1.1\r\n"),
    "space after the version": get(b"", b"GET /healthz HTTP/1.1 \r\n"),
    "method with brackets": get(b"", b"GET() /healthz HTTP/1.1\r\n"),
    "an answer": b"HTTP/1.1 200 OK\r\n" + HOST + b"\r\n",
    "a handshake of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32)),
    "nothing but NUL": bytes(64),
}

# Handshakes of WebSockets (RFC 6455, sections 4.1 and 4.2.1).
HANDSHAKES = {
    "no key": handshake(SOCKET, VERSION),
    "empty key": handshake(SOCKET, VERSION, b"Sec-WebSocket-Key: \r\n"),
    "key of 15 bytes": handshake(SOCKET, VERSION, b"Sec-WebSocket-Key: " + b"A" * 20 + b"\r\n"),
    "key that is not base64": handshake(
        SOCKET, VERSION, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!!==\r\n"
    ),
    "key with stray bits": handshake(
        SOCKET, VERSION, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n"
    ),
    "two keys": handshake(SOCKET, VERSION, KEY, KEY),
    "no version of sockets": handshake(SOCKET, KEY),
    "old version of sockets": handshake(SOCKET, KEY, b"Sec-WebSocket-Version: 8\r\n"),
    "two versions of sockets": handshake(SOCKET, KEY, VERSION, VERSION),
    "version of sockets with a zero": handshake(SOCKET, KEY, b"Sec-WebSocket-Version: 013\r\n"),
    "handshake in HTTP/1.0": handshake(SOCKET, KEY, VERSION, line=b"GET /ws HTTP/1.0\r\n"),
    "handshake by POST": handshake(SOCKET, KEY, VERSION, line=b"POST /ws HTTP/1.1\r\n"),
    "handshake with a body": handshake(SOCKET, KEY, VERSION, b"Content-Length: 3\r\n") + b"abc",
    "handshake with chunks": handshake(SOCKET, KEY, VERSION, b"Transfer-Encoding: chunked\r\n")
    + b"0\r\n\r\n",
}

REFUSED = {
    **{kind: (raw, BAD_REQUEST) for kind, raw in {**LENGTHS, **LINES, **HANDSHAKES}.items()},
    "HTTP/2 without an upgrade": (PREFACE, VERSION_UNKNOWN),
    "HTTP/0.9": (get(b"", b"GET /healthz HTTP/0.9\r\n"), VERSION_UNKNOWN),
    "HTTP/1.2": (get(b"", b"GET /healthz HTTP/1.2\r\n"), VERSION_UNKNOWN),
    "HTTP/3.0": (get(b"", b"GET /healthz HTTP/3.0\r\n"), VERSION_UNKNOWN),
    "tunnel": (
        b"CONNECT db.example:27017 HTTP/1.1\r\nHost: db.example:27017\r\n\r\n",
        NOT_IMPLEMENTED,
    ),
    "tunnel with bytes that follow": (
        b"CONNECT db.example:27017 HTTP/1.1\r\nHost: db.example:27017\r\n\r\n" + SMUGGLED,
        NOT_IMPLEMENTED,
    ),
    "unknown coding": (post(b"Transfer-Encoding: xchunked\r\n"), NOT_IMPLEMENTED),
    "coding before chunks": (post(b"Transfer-Encoding: gzip, chunked\r\n"), NOT_IMPLEMENTED),
    "coding after chunks": (post(b"Transfer-Encoding: chunked, identity\r\n"), NOT_IMPLEMENTED),
    "field that does not end": (get(b"X: ")[:-2] + b"a" * 20_000, TOO_LARGE),
}

_SETTINGS = b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
# A server may ignore an upgrade (RFC 9110, section 7.8). Some clients always ask for h2c.
UPGRADES = {
    "h2c": get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" + _SETTINGS),
    "h2c in capitals": get(b"Connection: upgrade\r\nUpgrade: H2C\r\n" + _SETTINGS),
    "h2c in a list": get(b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n" + _SETTINGS),
    "h2c in a second field": get(
        b"Connection: Upgrade\r\nUpgrade: foo\r\nUpgrade: h2c\r\n" + _SETTINGS
    ),
    "h2": get(b"Connection: Upgrade\r\nUpgrade: h2\r\n" + _SETTINGS),
    "TLS": get(b"Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n"),
}
