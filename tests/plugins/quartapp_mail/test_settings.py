"""Settings of mail that are refused, with a sentence that says why and tells no secret."""

from __future__ import annotations

import pytest

from quartapp import QuartappError


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mail_from": ""}, "smtp_host needs mail_from"),
        ({"mail_from": "", "reset_page": ""}, "smtp_host needs mail_from and reset_page"),
        ({"smtp_host": "smtp.example.org"}, 'smtp_security = "none" is for a mail server on this'),
        ({"smtp_host": "192.0.2.1"}, 'smtp_security = "none" is for a mail server on this'),
        ({"smtp_host": "smtp://x"}, "SMTP_HOST: must be the name or the address of a host"),
        ({"smtp_host": "a\r\nb"}, "SMTP_HOST: must be the name or the address of a host"),
        ({"smtp_user": "hush"}, "smtp_user and smtp_password need each other"),
        ({"smtp_password": "hush-hush"}, "smtp_user and smtp_password need each other"),
        ({"smtp_security": "ssl"}, "SMTP_SECURITY"),
        ({"smtp_port": 0}, "SMTP_PORT"),
        ({"mail_from": "attendance"}, "MAIL_FROM: must be an e-mail address"),
        (
            {"mail_from": "a@b.example\r\nBcc: eve@x.example"},
            "MAIL_FROM: must be an e-mail address",
        ),
        ({"reset_page": "http://school.example/reset"}, "RESET_PAGE: must be an https:// address"),
        (
            {"reset_page": "https://school.example/#reset"},
            "RESET_PAGE: must be an https:// address",
        ),
        ({"reset_page": "https://[x/"}, "RESET_PAGE: must be an https:// address"),
        ({"reset_page": "https://a@b.example/"}, "RESET_PAGE: must be an https:// address"),
        ({"reset_page": "reset"}, "RESET_PAGE: must be an https:// address"),
    ],
)
async def test_a_bad_setting_is_refused_in_one_sentence(serve, configure, settings, said):
    configure(25, **settings)
    with pytest.raises(QuartappError, match="plugin mail") as caught:
        await serve(extra_plugins=("mail",))
    assert said in str(caught.value)
    assert "hush" not in str(caught.value).replace(said, "")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_a_mail_server_of_this_machine_may_do_without_encryption(serve, configure, host):
    configure(25, smtp_host=host, reset_page="http://localhost:3000/reset")
    assert await serve(extra_plugins=("mail",))
