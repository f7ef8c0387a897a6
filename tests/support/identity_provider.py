"""A small identity provider that speaks OpenID Connect: real keys, real redirects, one user."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT = ("attendance", "the secret of the client")
LIFETIME_SECONDS = 300


class IdentityProvider(ThreadingHTTPServer):
    """The provider, on a free port of 127.0.0.1.

    Attributes:
        issuer: Address of the provider.
        person: Claims about the person who signs in.
        changes: Claims of the next ID tokens that differ from the right ones.
        signs: Makes an ID token of its claims.
        answers: Query of the way back, in place of a code.
        is_broken: Whether everything is answered with 500.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.person: dict[str, Any] = {
            "sub": "g.hopper",
            "email": "grace@school.example",
            "email_verified": True,
            "name": "Grace Hopper",
            "groups": ["teachers"],
        }
        self.changes: dict[str, Any] = {}
        self.signs: Callable[[dict[str, Any]], str] = self.signed
        self.answers: dict[str, str] | None = None
        self.is_broken = False
        self._codes: dict[str, dict[str, str]] = {}
        self.rotate()

    def stop(self) -> None:
        """Answer nobody any more."""
        self.shutdown()
        self.server_close()

    def rotate(self) -> None:
        """Take a new key, and forget the old one."""
        self._key = generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = secrets.token_hex(4)

    def signed(self, claims: dict[str, Any], key: RSAPrivateKey | None = None) -> str:
        """Sign with the provider's key, or with another one under the same name."""
        return jwt.encode(claims, key or self._key, "RS256", headers={"kid": self._kid})

    def unsigned(self, claims: dict[str, Any]) -> str:
        """Make a token with the algorithm ``none``."""
        return jwt.encode(claims, None, "none", headers={"kid": self._kid})

    def signed_by_public_key(self, claims: dict[str, Any]) -> str:
        """Make a token with HS256, whose key is the public one, which everybody has."""
        header = {"alg": "HS256", "typ": "JWT", "kid": self._kid}
        text = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        public = self._key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        signature = hmac.new(public, text, hashlib.sha256).digest()
        return (text + b"." + _base64(signature)).decode()

    def configuration(self) -> dict[str, Any]:
        """Return what clients ask for first (OpenID Connect Discovery 1.0, section 4)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def keys(self) -> dict[str, Any]:
        """Return the public key (RFC 7517)."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._kid, "use": "sig", "alg": "RS256"}]}

    def way_back(self, asked: dict[str, str]) -> str:
        """Let the person agree, and return the address that the browser goes to."""
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        brought = {"code": code} if self.answers is None else self.answers
        return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], **brought})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, str] | None:
        """Exchange a code, once, for an ID token; None refuses."""
        asked = self._codes.pop(form["code"], None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        challenge = _base64(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        client = base64.b64encode(":".join(CLIENT).encode()).decode()
        if challenge != asked["code_challenge"] or authorization != f"Basic {client}":
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "nonce": asked["nonce"],
            **self.person,
            **self.changes,
        }
        return {"token_type": "Bearer", "access_token": "none", "id_token": self.signs(claims)}


class _Handler(BaseHTTPRequestHandler):
    server: IdentityProvider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if self.server.is_broken:
            self.send_error(500)
        elif address.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.server.way_back(_fields(address.query)))
            self.end_headers()
        elif address.path == "/jwks":
            self._json(self.server.keys())
        else:
            self._json(self.server.configuration())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.is_broken:
            self.send_error(500)
            return
        answer = self.server.token(_fields(body), self.headers["Authorization"])
        if answer is None:
            self._json({"error": "invalid_grant"}, 400)
        else:
            self._json(answer)

    def _json(self, answer: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _fields(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
