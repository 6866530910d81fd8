# SPDX-License-Identifier: MIT
"""Who is told of alerts: a webhook, Slack, mail, a real Alertmanager, a program; and what they do to the server."""

import base64
import json
import shutil
import stat
import subprocess
import time

import pytest

from notified import Alertmanager, MailServer, WebServer, reset
from sigmad import PATIENCE, StartFailed, binary, clean_environment, eventually, ini_text

SLOW = {"metric": "api.*", "condition": "p99 > 250", "severity": "critical", "notify": "*"}


@pytest.fixture
def start_web():
    started = []

    def start(*answer):
        started.append(WebServer(*answer))
        return started[-1]

    yield start
    for web in started:
        web.stop()


@pytest.fixture
def start_mail():
    started = []

    def start(*refusals):
        started.append(MailServer(refusals))
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
    assert base64.b64decode(mail.credentials[-1]) == b"\0me\0s3cret"
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


def test_a_reload_leaves_notifiers_as_they_are(start_server, start_web):
    web = start_web()
    server = start_server(hook(web.url))
    server.ini.write_text(server.ini.read_text(encoding="utf-8") + "\n[log]\nlevel = debug\n", encoding="utf-8")
    assert server.request("POST", "/-/reload").status == 200
    window(server, 300)
    eventually(lambda: told(server) == 1)
