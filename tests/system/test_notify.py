# SPDX-License-Identifier: MIT
# ctest: TIMEOUT 400
"""Who is told of alerts: a webhook, Slack, mail, a real Alertmanager, a program; and what they do to the server."""

import json
import os
import shutil
import signal
import stat
import subprocess
import time

import pytest

from notified import Alertmanager, Certificate, MailServer, WebServer, reset
from sigmad import PATIENCE, StartFailed, binary, clean_environment, eventually, ini_text

SLOW = {"metric": "api.*", "condition": "p99 > 250", "severity": "critical", "notify": "*"}


@pytest.fixture
def start_web():
    started = []

    def start(*answer, **how):
        started.append(WebServer(*answer, **how))
        return started[-1]

    yield start
    for web in started:
        web.stop()


@pytest.fixture
def start_mail():
    started = []

    def start(*refusals, **how):
        started.append(MailServer(refusals, **how))
        return started[-1]

    yield start
    for mail in started:
        mail.stop()


def script(folder, text):
    path = folder / "tell"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def window(server, value, name="api.x", tags="env:prod"):
    server.send(f"{name}:{value}|ms|#{tags}")
    server.flush()


def hook(url, **keys):
    return {'alert "slow"': SLOW, 'notify "hook"': {"type": "webhook", "url": url, **keys}}


def mailed(url, **keys):
    return {'alert "slow"': SLOW,
            'notify "mail"': {"type": "smtp", "url": url, "from": "s@example.org", "to": "a@example.org", **keys}}


def failed(server, notifier="hook"):
    """Attempts that failed."""
    return server.metrics().value("sigmad_sink_errors_total", sink=f"notify:{notifier}")


def told(server, state="firing", notifier="hook"):
    return server.metrics().value("sigmad_notifications_total", notifier=notifier, state=state)


def lost(server, notifier="hook"):
    return server.metrics().value("sigmad_notifications_lost_total", notifier=notifier)


def failures(server, notifier="hook"):
    return server.metrics().value("sigmad_sink_errors_total", sink=f"notify:{notifier}")


def check(folder, sections):
    """What --check says of a configuration, and its status."""
    (folder / "statsd.ini").write_text(ini_text(sections), encoding="utf-8")
    done = subprocess.run([binary("SIGMAD_BIN"), "-c", "statsd.ini", "--check"], cwd=folder, capture_output=True,
                          text=True, timeout=60, env=clean_environment(), check=False)
    return done.returncode, done.stderr


def test_an_alert_reaches_everybody_survives_a_restart_resolves_and_cools_down(
        start_server, start_web, start_mail, tmp_path):
    web, routed, mail = start_web(), start_web(), start_mail()
    alertmanager = Alertmanager(tmp_path / "alertmanager", routed.url)
    out = tmp_path / "told.jsonl"
    config = {
        'alert "slow"': {**SLOW, "cooldown": "1h"},
        'alert "soon"': {**SLOW, "cooldown": "1s", "notify": "hook"},
        'notify "hook"': {"type": "webhook", "url": web.url},
        'notify "mail"': {"type": "smtp", "url": mail.url, "from": "sigmad@example.org", "to": "ops@example.org"},
        'notify "manager"': {"type": "alertmanager", "url": alertmanager.url, "resend": "1s"},
        'notify "program"': {"type": "program", "command": str(script(tmp_path, f"cat >> {out}"))},
    }

    def programs():
        lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
        return [json.loads(line)["alerts"][0]["status"] for line in lines]

    def subjects():
        return [message["Subject"] for message in mail.mails]

    try:
        server = start_server(config)
        window(server, 300)
        eventually(lambda: web.states("slow") == web.states("soon") == ["firing"])
        eventually(lambda: subjects() == ["[firing] slow api.x"])
        eventually(lambda: programs() == ["firing"])
        [fires] = eventually(alertmanager.alerts)
        assert fires["labels"] == {"alertname": "slow", "severity": "critical", "metric": "api.x", "env": "prod"}
        eventually(lambda: routed.states("slow") == ["firing"])

        server.stop()
        server = start_server(config, folder=server.folder)
        window(server, 310)
        assert [a["state"] for a in server.get("/api/v1/alerts").json()["alerts"]] == ["firing", "firing"]
        eventually(lambda: alertmanager.alerts()[0]["updatedAt"] > fires["updatedAt"])
        [lasts] = alertmanager.alerts()
        assert lasts["startsAt"] == fires["startsAt"] and lasts["fingerprint"] == fires["fingerprint"]

        window(server, 10)
        eventually(lambda: web.states("slow") == web.states("soon") == ["firing", "resolved"])
        eventually(lambda: subjects() == ["[firing] slow api.x", "[resolved] slow api.x"])
        eventually(lambda: programs() == ["firing", "resolved"])
        eventually(lambda: not alertmanager.alerts())
        eventually(lambda: routed.states("slow") == ["firing", "resolved"], 20)

        window(server, 320)
        eventually(lambda: window(server, 320) or web.states("soon") == ["firing", "resolved", "firing"])
        assert web.states("slow") == ["firing", "resolved"]
        assert not alertmanager.alerts() and len(programs()) == len(mail.mails) == 2
        first, second, third = [a for a in web.alerts() if a["labels"]["alertname"] == "soon"]
        assert first["startsAt"] == second["startsAt"] < second["endsAt"] <= third["startsAt"]
        assert first["fingerprint"] == second["fingerprint"] == third["fingerprint"]
    finally:
        alertmanager.kill()


def test_alerts_of_a_window_come_together_and_slack_gets_its_own_form(start_server, start_web):
    web, slack = start_web(), start_web()
    server = start_server({**hook(web.url), 'notify "chat"': {"type": "slack", "url": slack.url}})
    server.send("api.a:300|ms|#x:<!channel>\napi.b:400|ms\napi.c:5|ms")
    server.flush()
    eventually(lambda: web.requests and slack.requests)
    [request], [message] = web.requests, slack.requests
    assert sorted(a["labels"]["metric"] for a in request.json()["alerts"]) == ["api.a", "api.b"]
    assert request.headers["Content-Type"] == "application/json"
    assert "&lt;!channel&gt;" in message.body.decode() and b"<!channel>" not in message.body
    assert {a["color"] for a in message.json()["attachments"]} == {"danger"}
    assert "and 1 more" in message.json()["text"]
    eventually(lambda: told(server) == told(server, notifier="chat") == 2)


@pytest.mark.parametrize("trouble", [500, 429, 408, reset])
def test_what_may_pass_is_tried_again(start_server, start_web, trouble):
    web = start_web(lambda before: trouble if before < 2 else 200)
    server = start_server(hook(web.url))
    window(server, 300)
    eventually(lambda: told(server) == 1)
    assert len(web.requests) == 3 and len({request.body for request in web.requests}) == 1
    assert failures(server) == 2
    assert lost(server) == 0
    server.wait_for_log(msg="notifier is back", sink="notify:hook")


@pytest.mark.parametrize("answer", [400, 404, (302, {"Location": "/elsewhere"}, b""), (403, {}, b"no\nsecret")])
def test_what_is_refused_is_lost_once_and_said(start_server, start_web, answer):
    web = start_web(lambda before: answer)
    server = start_server(hook(web.url))
    window(server, 300)
    eventually(lambda: lost(server) == 1)
    status = answer if isinstance(answer, int) else answer[0]
    line = server.wait_for_log(msg="notifications lost", sink="notify:hook")
    assert f"HTTP {status}" in line["reason"] and "secret" not in line["reason"]
    server.flush()
    assert [request.path for request in web.requests] == ["/hook"] and told(server) == 0


def test_a_pause_that_is_asked_for_is_kept(start_server, start_web):
    stamps = []

    def answer(before):
        stamps.append(time.monotonic())
        return 200 if before else (503, {"Retry-After": "2"}, b"")

    server = start_server(hook(start_web(answer).url))
    window(server, 300)
    eventually(lambda: told(server) == 1)
    assert stamps[1] - stamps[0] >= 1.9


def test_an_endless_answer_is_cut_off(start_server, start_web):
    def pour(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True

    web = start_web(lambda before: pour)
    server = start_server(hook(web.url))
    window(server, 300)
    eventually(lambda: told(server) == 1)
    assert len(web.requests) == 1 and lost(server) == 0


def test_one_that_hangs_holds_nothing_up(start_server, start_web):
    slow, quick = start_web(lambda before: slow.hang), start_web()
    server = start_server({
        'alert "slow"': SLOW,
        'notify "hook"': {"type": "webhook", "url": slow.url, "timeout": "300ms"},
        'notify "other"': {"type": "webhook", "url": quick.url},
    })
    for i in range(3):
        window(server, 300, name=f"api.{i}")
        eventually(lambda: len(quick.alerts()) == i + 1)
    eventually(lambda: failures(server) >= 2)
    assert server.get("/-/ready").status == 200
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 15 * PATIENCE
    assert server.log_lines(msg="notifications lost", sink="notify:hook", notifications="3")


def test_who_was_away_is_told_the_latest_state_only(start_server, start_web):
    web = start_web(lambda before: 200 if ready else 503)
    ready = []
    server = start_server(hook(web.url))
    window(server, 300)
    eventually(lambda: failures(server) >= 1)
    window(server, 1)
    before = failures(server)
    # A request that was on its way when the alert ended has failed with this one.
    eventually(lambda: failures(server) > before)
    ready.append(True)
    eventually(lambda: told(server, "resolved") == 1)
    assert web.requests[-1].json()["status"] == "resolved" and told(server) == 0 and lost(server) == 0


def test_resolutions_can_be_left_out(start_server, start_web):
    web = start_web()
    server = start_server(hook(web.url, resolved="false"))
    window(server, 300)
    eventually(lambda: told(server) == 1)
    window(server, 1)
    window(server, 300, name="api.y")
    eventually(lambda: told(server) == 2)
    assert [a["status"] for a in web.alerts()] == ["firing", "firing"]


def test_a_notification_that_is_too_old_is_given_up(start_server, start_web):
    web = start_web(lambda before: 503)
    server = start_server(hook(web.url, give_up="1s"))
    window(server, 300)
    eventually(lambda: lost(server) == 1, 30)
    assert told(server) == 0


def test_a_template_is_filled_in_with_escapes(start_server, start_web, tmp_path):
    template = tmp_path / "body.json"
    template.write_text('{"text": "{{alert}} {{ metric }} {{tags}}", "v": {{value}}, "s": "{{status}}", "o": {"p": {}}}',
                        encoding="utf-8")
    web = start_web()
    server = start_server(hook(web.url, template=template))
    server.send('api.x:300|ms|#k:"q\\\napi.y:301|ms')
    server.flush()
    eventually(lambda: told(server) == 2)
    bodies = sorted((request.json() for request in web.requests), key=lambda body: body["v"])
    assert bodies == [{"text": 'slow api.x k="q\\\\', "v": 300, "s": "firing", "o": {"p": {}}},
                      {"text": "slow api.y ", "v": 301, "s": "firing", "o": {"p": {}}}]


def test_mail_has_what_mail_must_have(start_server, start_mail, tmp_path):
    mail = start_mail("451 later")
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    server = start_server({
        'alert "übel"': {**SLOW, "description": "look at the map"},
        'notify "mail"': {"type": "smtp", "url": mail.url, "from": "sigmad@example.org",
                          "to": "a@example.org, b@example.org", "username": "me",
                          "password_file": tmp_path / "password", "subject": "{{alert}}: {{metric}} {{tags}}"},
    })
    window(server, 300, name="api.x\rBcc", tags="to:\rBcc: evil@example.org")
    eventually(lambda: told(server, notifier="mail") == 1)
    [message], [envelope] = mail.mails, mail.envelopes
    assert envelope == ["MAIL FROM:<sigmad@example.org>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"]
    assert message["Bcc"] is None and message["Subject"].startswith("übel: api.x Bcc to=")
    assert message["Date"] and message["Message-ID"].endswith("@example.org>")
    assert message["To"] == "a@example.org, b@example.org" and message["From"] == "sigmad@example.org"
    assert "p99 300 > 250" in message.get_content() and "look at the map" in message.get_content()
    assert mail.credentials[-1] == ("PLAIN", b"\0me\0s3cret", False)
    assert "s3cret" not in server.log


def test_mail_that_is_refused_is_not_sent_again(start_server, start_mail):
    mail = start_mail("554 no")
    server = start_server({'alert "slow"': SLOW, 'notify "mail"': {
        "type": "smtp", "url": mail.url, "from": "s@example.org", "to": "a@example.org"}})
    window(server, 300)
    eventually(lambda: lost(server, "mail") == 1)
    assert not mail.mails and told(server, notifier="mail") == 0


def test_a_program_gets_variables_and_is_tried_again(start_server, tmp_path):
    out = tmp_path / "out"
    program = script(tmp_path, f'echo "$ALERT_STATUS $ALERT_NAME $ALERT_METRIC $ALERT_SEVERITY $ALERT_VALUE" >> {out}\n'
                               f"cat > /dev/null; test $(wc -l < {out}) -ge 2")
    server = start_server({'alert "slow"': SLOW, 'notify "run"': {"type": "program", "command": str(program)}})
    window(server, 300)
    eventually(lambda: told(server, notifier="run") == 1)
    assert out.read_text(encoding="utf-8") == "firing slow api.x critical 300\n" * 2
    assert failures(server, "run") == 1


def test_a_program_needs_no_module_and_a_webhook_does(start_server, tmp_path, monkeypatch):
    alone = tmp_path / "bin" / "sigmad"
    alone.parent.mkdir()
    shutil.copy(binary("SIGMAD_BIN"), alone)
    monkeypatch.setenv("SIGMAD_BIN", str(alone))
    out = tmp_path / "out"
    server = start_server({'alert "slow"': SLOW, 'notify "run"': {
        "type": "program", "command": str(script(tmp_path, f"cat > {out}"))}})
    window(server, 300)
    eventually(lambda: told(server, notifier="run") == 1)
    with pytest.raises(StartFailed) as failed:
        start_server(hook("http://127.0.0.1:1/"))
    assert '[notify "hook"] needs the module notify' in failed.value.log


def test_secrets_come_from_files_and_are_in_no_log(start_server, start_web, tmp_path):
    web = start_web(lambda before: 200 if before else 500)
    (tmp_path / "url").write_text(f"{web.url}/T0/s3cret\n", encoding="utf-8")
    (tmp_path / "token").write_text("t0ken\n", encoding="utf-8")
    server = start_server({'alert "slow"': SLOW, 'notify "chat"': {
        "type": "slack", "url_file": tmp_path / "url", "token_file": tmp_path / "token"}})
    window(server, 300)
    eventually(lambda: told(server, notifier="chat") == 1)
    assert web.requests[0].path.endswith("/T0/s3cret")
    assert web.requests[0].headers["Authorization"] == "Bearer t0ken"
    assert "s3cret" not in server.log and "t0ken" not in server.log


def test_faults_are_told_with_their_lines(tmp_path):
    (tmp_path / "body.json").write_text('{"a": "{{alert}}",\n "b": "{{metrik}}",\n "c": "{{value"}\n', encoding="utf-8")
    status, said = check(tmp_path, {
        'notify "hook"': {"type": "webhook", "url": "http://127.0.0.1/", "template": "body.json"},
        'notify "mail"': {"type": "smtp", "url": "smtp://127.0.0.1", "from": "a@b", "to": "c@d",
                          "subject": "{{what}}"},
        'notify "gone"': {"type": "webhook", "url": "http://127.0.0.1/", "template": "not-there.json"},
        'notify "nowhere"': {"type": "slack"},
    })
    assert status == 2
    for start in ("body.json:2: {{metrik}} is none of status, alert,", "body.json:3: {{ has no }} in its line",
                  "statsd.ini:10: [notify", "not-there.json': No such file"):
        assert start in said, said
    assert "{{what}} is none of" in said
    assert 'statsd.ini:15: [notify "nowhere"] url: this type needs a receiver' in said, said


@pytest.mark.parametrize("keys, reason", [
    ({"url": "http://me:pass@127.0.0.1/"}, "without user and password"),
    ({"url": "http://127.0.0.1/", "token_file": "none"}, "token_file"),
    ({"url_file": "none"}, "url_file"),
])
def test_a_receiver_that_cannot_be_used_is_refused_before_the_start(tmp_path, keys, reason):
    status, said = check(tmp_path, {'notify "hook"': {"type": "webhook", **keys}})
    assert status != 0 and reason in said and "pass@" not in said


@pytest.mark.parametrize("kind", ["webhook", "slack", "alertmanager"])
def test_further_headers_reach_the_receiver(start_server, start_web, tmp_path, kind):
    web = start_web()
    (tmp_path / "headers").write_text("# of the service\r\n\r\nAuthorization: GenieKey k3y, really\r\nX-Api-Key:s3cret",
                                      encoding="utf-8")
    server = start_server({'alert "slow"': SLOW, 'notify "hook"': {
        "type": kind, "url": web.url, "headers_file": tmp_path / "headers",
        "headers": "X-Team: ops; night, user-agent: pager/2,\n  X-Empty-Not : no\n".replace("X-Empty-Not ", "X-More")}})
    window(server, 300)
    eventually(lambda: told(server) == 1)
    headers = web.requests[0].headers
    assert headers.get_all("Authorization") == ["GenieKey k3y, really"]
    assert (headers["X-Api-Key"], headers["X-Team"], headers["X-More"]) == ("s3cret", "ops; night", "no")
    assert headers.get_all("User-Agent") == ["pager/2"] and headers.get_all("Content-Type") == ["application/json"]
    assert "s3cret" not in server.log and "k3y" not in server.log


def test_the_type_of_a_body_can_be_another(start_server, start_web, tmp_path):
    (tmp_path / "body").write_text("{{alert}}", encoding="utf-8")
    web = start_web()
    server = start_server(hook(web.url, template=tmp_path / "body", headers="content-type: text/plain"))
    window(server, 300)
    eventually(lambda: told(server) == 1)
    assert web.requests[0].headers.get_all("Content-Type") == ["text/plain"] and web.requests[0].body == b"slow"


@pytest.mark.parametrize("header, reason", [
    ("X-Key s3cret", "a header has no colon"),
    ("X-Key:", "X-Key has no value"),
    (": s3cret", "no name in front"),
    ("X Key: s3cret", "is no name"),
    ("X-K\u00e9y: s3cret", "is no name"),
    ("Content-Length: 3", "Content-Length is decided by the request itself"),
    ("HOST: s3cret", "HOST is decided by the request itself"),
    ("transfer-encoding: s3cret", "transfer-encoding is decided"),
    ("X-Key: a, x-kEY: s3cret", "x-kEY is there twice"),
    ("X-Key: s3\x01cret", "control character"),
    (", ".join(f"X-{i}: s3cret" for i in range(33)).replace(", ", ",\n "), "more than 32 headers"),
])
def test_a_header_that_is_none_is_told_with_its_line(tmp_path, header, reason):
    status, said = check(tmp_path, {'notify "hook"': {"type": "webhook", "headers": header,
                                                      "url": "http://127.0.0.1/"}})
    line = header.count("\n") + 3
    assert status == 2 and reason in said and "s3cret" not in said
    assert f"statsd.ini:{line}: " in said, said


@pytest.mark.parametrize("text, line, reason", [
    ("X-Key: a\n\nX-Key s3cret\n", 3, "no colon"),
    ("X-Key: s3\rcret\n", 1, "the value of X-Key has a control character"),
    ("X-Key: s3\0cret\n", 1, "the value of X-Key has a control character"),
    ("X-Key: s3cret\n folded\n", 2, "no colon"),
    ("# Host is told\nHost: a\n", 2, "Host is decided by the request itself"),
    ("X-Team: s3cret\n", 1, "X-Team is there twice"),
    ("A: b\nAUTHORIZATION: s3cret\n", 2, "token_file"),
    ("".join(f"X-{i}: a\n" for i in range(32)), 32, "more than 32 headers"),
    ("X: " + "a" * 8190, 1, "longer than 8191 bytes"),
])
def test_a_line_of_a_headers_file_that_is_none_is_told(tmp_path, text, line, reason):
    (tmp_path / "headers").write_bytes(text.encode())
    (tmp_path / "token").write_text("t0ken\n", encoding="utf-8")
    status, said = check(tmp_path, {'notify "hook"': {
        "type": "webhook", "url": "http://127.0.0.1/", "headers": "X-Team: ops", "headers_file": "headers",
        "token_file": "token"}})
    assert status != 0 and f"headers:{line}: " in said and reason in said and "s3cret" not in said, said


@pytest.mark.parametrize("keys, reason", [
    ({"token_file": "large"}, "token_file: 'large': File too large"),
    ({"token_file": "pipe"}, "token_file: 'pipe': "),
    ({"headers_file": "none"}, "headers_file: 'none': No such file"),
    ({"headers_file": "large"}, "headers_file: 'large': File too large"),
    ({"headers": "Authorization: a", "token_file": "token"}, "[notify \"hook\"] headers: there is a token_file"),
    ({"tls": "required"}, "tls: only mail has it"),
    ({"ca_file": "none"}, "ca_file: 'none': No such file"),
    ({"ca_file": "token"}, "ca_file: 'token' has no certificate"),
    ({"type": "smtp", "headers": "X-A: b"}, "headers: only a webhook, Slack and an Alertmanager have headers"),
    ({"type": "smtp", "headers_file": "token"}, "headers_file: only a webhook, Slack and an Alertmanager"),
    ({"type": "smtp", "tls": "off", "url": "smtps://127.0.0.1"}, "tls: the url says smtps"),
    ({"type": "smtp", "tls": "off", "url": "smtp://mail.example.org", "username": "me", "password_file": "token"},
     "tls: off, and a password would go over a network"),
    ({"type": "program", "command": "true", "ca_file": "token"}, "ca_file: a program has no certificate"),
])
def test_keys_that_do_not_go_together_are_refused(tmp_path, keys, reason):
    (tmp_path / "token").write_text("t0ken\n", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_text("X-A: b\n" + "#" * 40000, encoding="utf-8")
    mail = {"url": "smtp://127.0.0.1", "from": "a@b", "to": "c@d"} if keys.get("type") == "smtp" else {}
    status, said = check(tmp_path, {'notify "hook"': {"type": "webhook", "url": "http://127.0.0.1/", **mail, **keys}})
    assert status != 0 and reason in said and "t0ken" not in said, said


def test_a_webhook_with_a_certificate_of_its_own_is_reached_once_it_is_trusted(start_server, start_web, tmp_path):
    certificate, stranger = Certificate(tmp_path / "one"), Certificate(tmp_path / "two")
    web = start_web(certificate=certificate)
    ca_file = tmp_path / "ca.pem"
    shutil.copy(stranger.path, ca_file)
    server = start_server(hook(web.url, ca_file=ca_file))
    window(server, 300)
    line = server.wait_for_log(msg="notifier cannot be reached", sink="notify:hook")
    assert "certificate" in line["reason"]
    assert eventually(lambda: failed(server)) and told(server) == lost(server) == 0 and not web.requests
    shutil.copy(certificate.path, ca_file)
    server.send_signal(signal.SIGHUP)
    eventually(lambda: told(server) == 1, 30)


def test_a_certificate_of_another_address_or_unknown_to_the_system_is_refused(start_server, start_web, tmp_path):
    elsewhere = Certificate(tmp_path / "elsewhere", "127.0.0.2")
    web = start_web(certificate=elsewhere)
    server = start_server({
        'alert "slow"': SLOW,
        'notify "hook"': {"type": "webhook", "url": web.url, "ca_file": elsewhere.path},
        'notify "other"': {"type": "webhook", "url": web.url},
    })
    window(server, 300)
    address = server.wait_for_log(msg="notifier cannot be reached", sink="notify:hook")
    unknown = server.wait_for_log(msg="notifier cannot be reached", sink="notify:other")
    assert "127.0.0.1" in address["reason"] and "certificate" in unknown["reason"]
    eventually(lambda: failed(server) and failed(server, "other"))
    assert told(server) == told(server, notifier="other") == 0 and not web.requests


@pytest.mark.parametrize("mechanism, said", [("PLAIN", b"\0me\0s3cret"), ("LOGIN", (b"me", b"s3cret"))])
@pytest.mark.parametrize("starttls", [False, True])
def test_mail_and_its_password_go_over_tls(start_server, start_mail, tmp_path, starttls, mechanism, said):
    certificate = Certificate(tmp_path)
    mail = start_mail(certificate=certificate, starttls=starttls, mechanisms=mechanism)
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    server = start_server(mailed(mail.url, ca_file=certificate.path, tls="required", username="me",
                                 password_file=tmp_path / "password"))
    window(server, 300)
    eventually(lambda: told(server, notifier="mail") == 1)
    assert mail.mails_over_tls == [True] and mail.credentials == [(mechanism, said, True)]
    assert mail.mails[0]["Subject"] == "[firing] slow api.x" and "s3cret" not in server.log


@pytest.mark.parametrize("starttls", [False, True])
def test_a_mail_server_whose_certificate_nobody_trusts_gets_nothing(start_server, start_mail, tmp_path, starttls):
    mail = start_mail(certificate=Certificate(tmp_path), starttls=starttls)
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    server = start_server(mailed(mail.url, username="me", password_file=tmp_path / "password"))
    window(server, 300)
    line = server.wait_for_log(msg="notifier cannot be reached", sink="notify:mail")
    assert "certificate" in line["reason"]
    eventually(lambda: failed(server, "mail"))
    assert not mail.mails and not mail.credentials and told(server, notifier="mail") == lost(server, "mail") == 0


def test_mail_waits_for_starttls_where_it_is_required(start_server, start_mail):
    mail = start_mail()
    server = start_server(mailed(mail.url, tls="required"))
    window(server, 300)
    line = server.wait_for_log(msg="notifier cannot be reached", sink="notify:mail")
    assert "STARTTLS" in line["reason"]
    eventually(lambda: failed(server, "mail"))
    assert not mail.mails and told(server, notifier="mail") == lost(server, "mail") == 0


@pytest.mark.parametrize("tls, over_tls", [("auto", True), ("off", False)])
def test_starttls_is_taken_where_it_is_offered_unless_it_is_off(start_server, start_mail, tmp_path, tls, over_tls):
    certificate = Certificate(tmp_path)
    mail = start_mail(certificate=certificate, starttls=True)
    server = start_server(mailed(mail.url, ca_file=certificate.path, tls=tls))
    window(server, 300)
    eventually(lambda: told(server, notifier="mail") == 1)
    assert mail.mails_over_tls == [over_tls]


@pytest.mark.parametrize("how", ["signal", "request"])
def test_a_reload_reads_secrets_anew(start_server, start_web, start_mail, tmp_path, how):
    web, mail = start_web(), start_mail()
    secrets = {name: tmp_path / name for name in ("url", "token", "password", "headers")}

    def write(generation):
        for name, text in {"url": f"{web.url}/{generation}", "token": f"token-{generation}",
                           "password": f"password-{generation}", "headers": f"X-Key: key-{generation}"}.items():
            secrets[name].write_text(f"{text}\n", encoding="utf-8")

    write("one")
    config = mailed(mail.url, username="me", password_file=secrets["password"])
    config['notify "hook"'] = {"type": "webhook", "url_file": secrets["url"], "token_file": secrets["token"],
                               "headers_file": secrets["headers"]}
    server = start_server(config)

    def tell(generation, count):
        window(server, 300, name=f"api.{count}")
        eventually(lambda: told(server) == told(server, notifier="mail") == count)
        request = web.requests[-1]
        assert (request.path, request.headers["Authorization"], request.headers["X-Key"]) == (
            f"/hook/{generation}", f"Bearer token-{generation}", f"key-{generation}")
        assert mail.credentials[-1][1] == f"\0me\0password-{generation}".encode()

    def reload(before):
        if how == "signal":
            server.send_signal(signal.SIGHUP)
            eventually(lambda: len(server.log_lines(msg="reloaded")) > before)
        else:
            assert server.request("POST", "/-/reload").status == 200

    tell("one", 1)
    write("two")
    reload(0)
    tell("two", 2)
    secrets["token"].unlink()
    secrets["password"].write_text("\n", encoding="utf-8")
    reload(1)
    hook_line = server.wait_for_log(msg="secrets stay as they were", sink="notify:hook")
    mail_line = server.wait_for_log(msg="secrets stay as they were", sink="notify:mail")
    assert hook_line["level"] == "warning" and "No such file" in hook_line["reason"]
    assert "password_file" in mail_line["reason"]
    tell("two", 3)
    assert not any(word in server.log for word in ("token-", "password-", "key-t"))


def test_a_reload_during_a_request_leaves_it_alone(start_server, start_web, tmp_path):
    def answer(before):
        return first if before == 0 else 200

    def first(handler):
        web.hang(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    (tmp_path / "token").write_text("one\n", encoding="utf-8")
    web = start_web(answer)
    server = start_server(hook(web.url, token_file=tmp_path / "token", timeout="60s"))
    window(server, 300)
    eventually(lambda: web.requests)
    for text in ("two", "three"):
        (tmp_path / "token").write_text(text, encoding="utf-8")
        assert server.request("POST", "/-/reload").status == 200
    window(server, 300, name="api.y")
    web.released.set()
    eventually(lambda: told(server) == 2)
    assert [request.headers["Authorization"] for request in web.requests] == ["Bearer one", "Bearer three"]


def test_what_a_signal_tries_at_once_has_the_new_secret(start_server, start_web, tmp_path):
    web = start_web(lambda before: 200 if before else (503, {"Retry-After": "300"}, b""))
    (tmp_path / "token").write_text("one\n", encoding="utf-8")
    server = start_server(hook(web.url, token_file=tmp_path / "token"))
    window(server, 300)
    eventually(lambda: failed(server) == 1)
    (tmp_path / "token").write_text("two\n", encoding="utf-8")
    server.send_signal(signal.SIGHUP)
    eventually(lambda: told(server) == 1)
    assert [request.headers["Authorization"] for request in web.requests] == ["Bearer one", "Bearer two"]


def test_a_reload_leaves_notifiers_as_they_are(start_server, start_web):
    web = start_web()
    server = start_server(hook(web.url))
    server.ini.write_text(server.ini.read_text(encoding="utf-8") + "\n[log]\nlevel = debug\n", encoding="utf-8")
    assert server.request("POST", "/-/reload").status == 200
    window(server, 300)
    eventually(lambda: told(server) == 1)
