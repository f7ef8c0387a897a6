"""TLS without a proxy: requests, sockets, and files that cannot be used."""

from __future__ import annotations

import json
import ssl

import httpx
import pytest
import trustme
import websockets


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def files(authority, tmp_path):
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.private_key_pem.write_to_path(key)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    return certificate, key


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_requests_and_sockets_come_by_tls(
    serve_process, mongodb_uri, authority, files, workers
):
    process = await serve_process(
        *("--certificate", str(files[0]), "--key", str(files[1]), "--workers", workers),
        MONGODB_URI=mongodb_uri,
        JWT_SECRET="s" * 32,
    )
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    address = f"127.0.0.1:{process.stdout[-1].split()[-1]}"
    async with httpx.AsyncClient(verify=trusting) as client:
        answer = await client.get(f"https://{address}/nowhere")
    assert answer.status_code == 404
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    async with websockets.connect(f"wss://{address}/ws?token=bad", ssl=trusting) as socket:
        assert json.loads(await socket.recv())["event"] == "ERROR"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no certificate", "--certificate is missing"),
        ("no key", "--key is missing"),
        ("nowhere", "cannot read the certificate nowhere.pem: No such file or directory"),
        ("a folder", "cannot read the key .: Is a directory"),
        ("swapped", "are not a certificate and its unencrypted key in PEM"),
        ("another's", "are not a certificate and its unencrypted key in PEM"),
    ],
)
async def test_files_that_cannot_be_used_are_told_in_one_sentence(
    run_cli, authority, files, tmp_path, kind, said
):
    certificate, key = map(str, files)
    other = tmp_path / "other.pem"
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    arguments = {
        "no certificate": ("--key", key),
        "no key": ("--certificate", certificate),
        "nowhere": ("--certificate", "nowhere.pem", "--key", key),
        "a folder": ("--certificate", certificate, "--key", "."),
        "swapped": ("--certificate", key, "--key", certificate),
        "another's": ("--certificate", certificate, "--key", str(other)),
    }
    status, _, errors = await run_cli("serve", "--port", "0", *arguments[kind])
    assert status == 2
    assert said in errors
    assert len(errors.strip().splitlines()) == 1
