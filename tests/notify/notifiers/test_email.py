"""Mail arrives as people read it, over TLS and with a login, and what goes wrong is told without the password."""

import asyncio
import base64
import logging

import pytest
from tests.notify.notifiers.recording import post
from tests.notify.notifiers.sending import FIRING, LONG, MANY, RESOLVED, UTF8, notifier, told
from tests.receivers.prometheus.wire import Certificates, needs_openssl

PASSWORD = "pässw0rd-0123456789"
PLAIN = {"require_tls": False, "from": "Sonde <sonde@example.org>", "to": "ops@example.org, Ada <ada@example.org>"}
LOGIN = {"auth_username": "me", "auth_password": PASSWORD}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


async def mailed(config, batch=FIRING, **server_options):
    """The only mail, and how it went."""
    async with post(**server_options) as server:
        result = await told("email", {**PLAIN, "smarthost": server.address, **config}, batch)
    assert result.error == ""
    [mail] = server.mails
    return mail


def read(part):
    """A text as people see it: lines end in their own way."""
    return part.get_content().replace("\r\n", "\n")


async def test_a_mail_has_what_mail_programs_need():
    mail = await mailed({"text": '{{ template "pushover.default.message" . }}'})
    assert (mail.sender, mail.recipients) == ("sonde@example.org", ["ops@example.org", "ada@example.org"])
    message = mail.message
    assert {name: message[name] for name in ("Subject", "From", "To", "Date", "MIME-Version")} == {
        "Subject": "[FIRING:1] Down (api)",
        "From": "Sonde <sonde@example.org>",
        "To": "ops@example.org, Ada <ada@example.org>",
        "Date": "Sun, 01 Mar 2026 13:00:00 +0000",
        "MIME-Version": "1.0",
    }
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    plain, html = (part.get_content() for part in message.iter_parts())
    assert "it <is> down & out" in plain
    assert "it &lt;is&gt; down &amp; out" in html


async def test_without_a_text_there_is_only_html():
    assert (await mailed({})).message.get_content_type() == "text/html"


async def test_one_that_has_ended_says_so():
    assert (await mailed({"send_resolved": True}, RESOLVED)).message["Subject"] == "[RESOLVED] Down (b:1 api warning)"


async def test_every_character_arrives():
    config = {"text": "{{ .CommonAnnotations.summary }}", "headers": {"subject": "{{ .CommonAnnotations.summary }}"}}
    mail = await mailed(config, UTF8)
    assert mail.raw.isascii()
    assert mail.message["Subject"] == "Zürich ist weg 🔥 你好 „Zitat“"
    plain, _ = mail.message.iter_parts()
    assert read(plain).startswith("Zürich ist weg 🔥 你好\n„Zitat“")


@pytest.mark.parametrize("batch", [MANY, LONG], ids=["many", "long"])
async def test_long_mails_arrive_whole_in_lines_that_servers_take(batch):
    mail = await mailed({}, batch)
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 998
    content = mail.message.get_content()
    assert ("host-299" in content) == (batch is MANY)
    assert len(content) > 50_000


async def test_a_line_that_is_only_a_dot_does_not_end_the_mail():
    mail = await mailed({"text": "one\n.\n..two\n", "html": ""})
    assert read(mail.message) == "one\n.\n..two\n"


async def test_headers_are_templates_of_one_line():
    headers = {"reply-to": "a@example.org", "X-Job": "{{ .CommonLabels.job }}\r\nBcc: evil@example.org"}
    message = (await mailed({"headers": headers})).message
    assert (message["Reply-To"], message["X-Job"]) == ("a@example.org", "api Bcc: evil@example.org")
    assert message["Bcc"] is None


async def test_the_mails_of_a_group_are_one_thread():
    daily = (await mailed({"threading": {"enabled": True}})).message
    always = (await mailed({"threading": {"enabled": True, "thread_by_date": "none"}})).message
    assert daily["References"] == daily["In-Reply-To"] == "<alert-af94c9e8f6a30436-2026-03-01@alertmanager>"
    assert always["References"] == "<alert-af94c9e8f6a30436-@alertmanager>"


async def test_all_attempts_of_a_notification_have_one_message_id():
    first, second, later = [(await mailed({}, batch)).message["Message-Id"] for batch in (FIRING, FIRING, UTF8)]
    assert first == second == later
    assert first.endswith("@example.org>")


@pytest.mark.parametrize(
    ("mechanisms", "config", "login"),
    [
        ("PLAIN LOGIN", LOGIN, f"|me|{PASSWORD}"),
        ("PLAIN", {**LOGIN, "auth_identity": "team"}, f"team|me|{PASSWORD}"),
        ("LOGIN PLAIN", LOGIN, f"me|{PASSWORD}"),
        ("CRAM-MD5 PLAIN", {"auth_username": "me", "auth_secret": "shared"}, "me"),
        ("CRAM-MD5 PLAIN", LOGIN, f"|me|{PASSWORD}"),
        ("XOAUTH2 LOGIN", LOGIN, f"me|{PASSWORD}"),
        ("PLAIN", {}, ""),
        ("", LOGIN, ""),
    ],
)
async def test_the_first_mechanism_that_both_sides_can(mechanisms, config, login):
    assert (await mailed(config, mechanisms=mechanisms, secret="shared")).login == login


async def test_a_file_of_a_password_is_read_again(tmp_path):
    file = tmp_path / "password"
    config = {**PLAIN, "auth_username": "me", "auth_password_file": "password"}
    async with (
        post(mechanisms="PLAIN") as server,
        notifier("email", {**config, "smarthost": server.address}, directory=tmp_path) as one,
    ):
        for text in ("first", "second\n"):
            file.write_text(text)
            assert (await one.notify(FIRING)).delivered
        file.unlink()
        gone = await one.notify(FIRING)
    assert [mail.login for mail in server.mails] == ["|me|first", "|me|second"]
    assert (gone.retry, "No such file" in gone.error) == (True, True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def context(certificates):
    return certificates.server_context(*certificates.sign("post", subject_names="DNS:post.test"))


@needs_openssl
async def test_starttls_comes_before_the_login(certificates, context):
    tls = {"ca_file": str(certificates.ca), "server_name": "post.test"}
    config = {**LOGIN, "require_tls": True, "tls_config": tls}
    mail = await mailed(config, tls=context, mechanisms="PLAIN")
    assert (mail.encrypted, mail.login) == (True, f"|me|{PASSWORD}")


@needs_openssl
async def test_tls_from_the_first_byte(certificates, context):
    tls = {"ca_file": str(certificates.ca), "server_name": "post.test"}
    mail = await mailed({"force_implicit_tls": True, "require_tls": True, "tls_config": tls}, implicit_tls=context)
    assert mail.encrypted


@needs_openssl
async def test_a_server_with_a_certificate_of_somebody_else_gets_nothing(certificates, context):
    tls = {"ca_file": str(certificates.ca)}
    async with post(tls=context) as server:
        config = {**PLAIN, **LOGIN, "require_tls": True, "tls_config": tls, "smarthost": server.address}
        result = await told("email", config)
    assert (server.mails, server.commands[1:]) == ([], ["STARTTLS"])
    assert "tls: failed to verify certificate" in result.error


@pytest.mark.parametrize(
    ("refusals", "config", "error"),
    [
        ({}, {"require_tls": True}, "'require_tls' is true (default) but"),
        ({"MAIL": "550 no such sender"}, {}, "send MAIL command: 550 no such sender"),
        ({"RCPT": "451 later"}, {}, "send RCPT command: 451 later"),
        ({"DATA": "554 no"}, {}, "delivery failure: 554 no"),
        ({"AUTH": "535 bad " + PASSWORD}, LOGIN, "PLAIN auth: 535 bad <secret>"),
        ({"AUTH": f"535 what is {encoded(PASSWORD)}?"}, LOGIN, "PLAIN auth: 535 what is <secret>?"),
        ({"AUTH": f"535 {encoded(f'{chr(0)}me{chr(0)}{PASSWORD}')}"}, LOGIN, "PLAIN auth: 535 <secret>"),
        ({}, {"auth_username": "me"}, "find auth mechanism: missing password for PLAIN auth mechanism"),
    ],
)
async def test_what_a_mail_server_refuses_is_tried_again(refusals, config, error, caplog):
    with caplog.at_level(logging.DEBUG):
        async with post(refusals=refusals, mechanisms="PLAIN") as server:
            result = await told("email", {**PLAIN, "smarthost": server.address, **config})
    assert (result.error.startswith(error), result.retry, server.mails) == (True, True, [])
    assert PASSWORD not in caplog.text + repr(result)


async def test_nobody_there_is_worth_another_try():
    async with post() as server:
        pass
    result = await told("email", {**PLAIN, "smarthost": server.address})
    assert (result.error, result.retry) == ("establish connection to server: connection refused", True)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"from": "a@example.org, b@example.org"}, "must be exactly one 'from' address (got: 2)"),
        ({"to": "nobody"}, "parse 'to' addresses: 'nobody' is not a list of addresses"),
        ({"to": "{{ .Nothing }}"}, "can't evaluate field Nothing"),
    ],
)
async def test_what_will_never_work_is_not_tried_again(config, error):
    result = await told("email", {**PLAIN, "smarthost": "127.0.0.1:1", **config})
    assert (error in result.error, result.retry) == (True, False)


async def test_a_mail_that_is_cancelled_is_not_handed_over():
    async with (
        post(refusals={"RCPT": None}) as server,
        notifier("email", {**PLAIN, "smarthost": server.address}) as one,
    ):
        task = asyncio.create_task(one.notify(FIRING))
        await server.silent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert server.mails == []
