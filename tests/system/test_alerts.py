# SPDX-License-Identifier: MIT
"""Alerts through the whole server: they fire, are seen wherever they should be, and outlive a restart."""

import re
import subprocess
import time

import pytest

import partners
import sigmad

SLOW = '[alert "slow"]\nmetric = api.*\ntags = env=prod\ncondition = p99 > 250\nfor = 2\nseverity = critical\n'
GROWS = '[alert "grows"]\nmetric = pool.*\ncondition = change > 20% over 2s\n'
GONE = '[alert "gone"]\nmetric = cron.*\ncondition = absent 1s\nseverity = warning\n'


def configuration(*alerts, **sections):
    return sigmad.ini_text(sigmad.merged(sigmad.DEFAULTS, sections)) + "".join(alerts)


def window(server, *lines):
    for line in lines:
        server.send(line)
    server.flush()


def alerts(server):
    return server._json("/api/v1/alerts")


def states(server, alert):
    """What alerts.csv says of an alert: its states in order."""
    return [row["state"] for row in server.csv("alerts") if row["alert"] == alert]


def test_an_alert_is_pending_fires_and_is_resolved(start_server):
    server = start_server(configuration(SLOW))
    window(server, "api.pay:100|ms|#env:prod", "api.pay:900|ms|#env:test", "other:900|ms|#env:prod")
    assert server.csv("alerts") == [] and alerts(server)["alerts"] == []

    window(server, "api.pay:300|ms|#env:prod")
    assert states(server, "slow") == ["pending"]
    assert server.metrics().value("sigmad_alerts", alertname="slow", alertstate="pending", metric="api.pay",
                                  tags="env=prod", severity="critical") == 1

    window(server, "api.pay:400|ms|#env:prod")
    row = server.csv("alerts")[-1]
    stamp = server.snapshot()["timestamp"]
    assert row == {"timestamp": row["timestamp"], "metric": "api.pay", "tags": "env=prod", "alert": "slow",
                   "state": "firing", "severity": "critical", "value": "400", "threshold": "250",
                   "condition": "p99 > 250", "reason": "p99 400 > 250 for 2 windows"}
    assert float(row["timestamp"]) == stamp
    answer = alerts(server)
    (rule,), (alert,) = answer["rules"], answer["alerts"]
    assert answer["evaluated"] == stamp
    assert (rule["name"], rule["state"], rule["matched"], rule["firing"]) == ("slow", "firing", 1, 1)
    assert (alert["metric"], alert["tags"], alert["state"]) == ("api.pay", {"env": "prod"}, "firing")
    assert alert["pending_since"] < alert["firing_since"] == stamp and alert["resolved_at"] is None
    metrics = server.metrics()
    assert metrics.value("sigmad_alerts_firing", severity="critical") == 1
    assert metrics.value("sigmad_alerts_firing", severity="warning") == 0
    line = server.wait_for_log(msg="alert fires")
    assert (line["alert"], line["metric"], line["level"]) == ("slow", "api.pay", "warning")

    # A window without samples says nothing; one below the bound ends it.
    window(server)
    assert alerts(server)["alerts"][0]["state"] == "firing"
    window(server, "api.pay:10|ms|#env:prod")
    assert states(server, "slow") == ["pending", "firing", "resolved"]
    assert alerts(server)["alerts"][0]["resolved_at"] == server.snapshot()["timestamp"]
    server.wait_for_log(msg="alert resolved")
    window(server, "api.pay:10|ms|#env:prod")
    assert alerts(server)["alerts"] == [] and list(server.metrics().series("sigmad_alerts")) == []


def test_the_exposition_with_alerts_is_sound_to_promtool(start_server):
    server = start_server(configuration(SLOW, GONE))
    for _ in range(2):
        window(server, 'api.pay:300|ms|#env:prod,quote:a"b\\c')
    assert "sigmad_alert" not in partners.promtool_check(server.get("/metrics").body)
    assert server.metrics().value("sigmad_alerts_firing", severity="critical") == 1


def test_prometheus_scrapes_alerts_beside_its_own(start_server, start_prometheus):
    server = start_server(configuration(SLOW))
    for _ in range(2):
        window(server, "api.pay:300|ms|#env:prod")
    prometheus = start_prometheus(server)
    sigmad.eventually(lambda: prometheus.query('sigmad_alerts{alertstate="firing"}'), 20, "never scraped")
    assert prometheus.value('sigmad_alerts{alertname="slow",metric="api.pay",severity="critical"}') == 1
    assert prometheus.value("sum(sigmad_alerts_firing)") == 1
    sigmad.eventually(lambda: prometheus.query("up == 1"), 20, "no scrape is as it should be")


def test_a_firing_alert_goes_on_over_a_restart_and_is_not_begun_again(start_server, tmp_path):
    text = configuration(SLOW)
    server = start_server(text)
    for _ in range(2):
        window(server, "api.pay:300|ms|#env:prod")
    before = alerts(server)["alerts"][0]
    server.stop()
    assert re.match(r"sigmad state 2\n\[alerts 1 [0-9a-f]{16}\]\nslow\t", (server.data / "state").read_text())

    server = start_server(text, folder=server.folder)
    window(server)
    assert alerts(server)["alerts"][0]["state"] == "firing"
    window(server, "api.pay:310|ms|#env:prod")
    after = alerts(server)["alerts"][0]
    assert (after["state"], after["firing_since"]) == ("firing", before["firing_since"])
    assert states(server, "slow") == ["pending", "firing"]
    assert server.log_lines(msg="alert fires") == []
    window(server, "api.pay:10|ms|#env:prod")
    assert states(server, "slow") == ["pending", "firing", "resolved"]


def test_what_a_killed_server_knew_is_on_the_disk(start_server):
    text = configuration(SLOW)
    server = start_server(text)
    for _ in range(2):
        window(server, "api.pay:300|ms|#env:prod")
    path = server.data / "state"
    sigmad.eventually(lambda: path.exists() and "\tfiring\t" in path.read_text())
    server.kill()
    server = start_server(text, folder=server.folder)
    window(server, "api.pay:10|ms|#env:prod")
    assert states(server, "slow") == ["pending", "firing", "resolved"]


def grown_before_a_restart(start_server):
    """A server that has seen a value and was stopped, and when that was."""
    server = start_server(configuration(SLOW, GROWS))
    for _ in range(2):
        window(server, "api.pay:300|ms|#env:prod", "pool.used:100|g")
    server.stop()
    return server, time.time()


def test_a_change_is_against_what_was_before_a_restart(start_server):
    before, stopped = grown_before_a_restart(start_server)
    server = start_server(configuration(SLOW, GROWS), folder=before.folder)
    sigmad.eventually(lambda: time.time() >= stopped + 2)
    window(server, "pool.used:130|g")
    assert states(server, "grows") == ["firing"]
    assert server.csv("alerts")[-1]["reason"] == "value changed by +30 % over 2s (> 20 %)"


def test_damaged_values_of_a_change_do_not_cost_the_alerts(start_server):
    before, stopped = grown_before_a_restart(start_server)
    path = before.data / "state"
    whole = path.read_text()
    assert re.search(r"\n\[alert_rings 1 [0-9a-f]{16}\]\ngrows\t", whole)
    path.write_text(whole.replace("\t100\n", "\t900\n"))
    server = start_server(configuration(SLOW, GROWS), folder=before.folder)
    line = server.wait_for_log(msg="state read in part")
    assert line["reason"] == "is damaged: [alert_rings] is not what was written"
    sigmad.eventually(lambda: path.exists() and "alert_rings" not in path.read_text())
    sigmad.eventually(lambda: time.time() >= stopped + 2)
    window(server, "pool.used:130|g")
    assert [(alert["name"], alert["state"]) for alert in alerts(server)["alerts"]] == [("slow", "firing")]


def test_a_state_of_the_version_before_is_read(start_server):
    before, _ = grown_before_a_restart(start_server)
    path = before.data / "state"
    line = re.search(r"\nslow\t.*\n", path.read_text()).group()[1:]
    old = f"sigmad state 1\n[alerts 1]\n{line}"
    total = 0xcbf29ce484222325
    for byte in old.encode():
        total = (total ^ byte) * 0x100000001b3 % 2**64
    path.write_text(f"{old}sum {total:016x}\n")
    server = start_server(configuration(SLOW, GROWS), folder=before.folder)
    window(server)
    assert [alert["state"] for alert in alerts(server)["alerts"]] == ["firing"]
    server.stop()
    assert path.read_text().startswith("sigmad state 2\n")


def test_an_alert_whose_rule_is_gone_is_forgotten_and_told_of(start_server):
    server = start_server(configuration(SLOW))
    for _ in range(2):
        window(server, "api.pay:300|ms|#env:prod")
    server.stop()
    server = start_server(configuration(GONE), folder=server.folder)
    line = server.wait_for_log(msg="alert forgotten with its rule")
    assert (line["alert"], line["metric"]) == ("slow", "api.pay")
    window(server)
    server.stop()
    assert "slow" not in (server.data / "state").read_text()


@pytest.mark.parametrize("damage, reason", [
    (lambda text: text[:-10], "damaged"),
    (lambda text: text.replace("pending", "pendinG").replace("firing", "firinG"), "damaged"),
    (lambda text: text.replace("state 2", "state 9", 1), "version '9'"),
    (lambda text: "", None),
    (lambda text: "hello\n", "not a state file"),
])
def test_a_damaged_state_is_set_aside_and_the_server_starts(start_server, damage, reason):
    text = configuration(SLOW)
    server = start_server(text)
    for _ in range(2):
        window(server, "api.pay:300|ms|#env:prod")
    server.stop()
    path = server.data / "state"
    damaged = damage(path.read_text())
    path.write_text(damaged)
    server = start_server(text, folder=server.folder)
    if reason:
        assert reason in server.wait_for_log(msg="state not read")["reason"]
        assert (server.data / "state.bad").read_text() == damaged
    window(server, "api.pay:300|ms|#env:prod")
    assert alerts(server)["alerts"][0]["state"] == "pending"
    sigmad.eventually(lambda: path.exists() and path.read_text().startswith("sigmad state 2\n"))


def test_a_state_that_cannot_be_written_is_told_of(start_server):
    server = start_server(configuration(SLOW, state={"file": "data/blocked/state"}))
    (server.data / "blocked").write_text("in the way")
    window(server, "api.pay:300|ms|#env:prod")
    line = server.wait_for_log(msg="state not written")
    assert "blocked" in line["reason"] and line["level"] == "error"
    sigmad.eventually(lambda: server.metrics().value("sigmad_sink_errors_total", sink="state") >= 1)
    assert server.get("/-/ready").status == 200
    (server.data / "blocked").unlink()
    window(server)
    server.wait_for_log(msg="state written again")
    assert (server.data / "blocked" / "state").exists()


def test_nothing_is_kept_without_alerts(start_server):
    server = start_server()
    window(server, "a:1|c")
    server.stop()
    assert not (server.data / "state").exists() and list(server.data.glob("state*")) == []


def test_a_pattern_that_no_series_matches_is_absent(start_server):
    server = start_server(configuration(GONE))
    sigmad.eventually(lambda: window(server) or states(server, "gone"))
    alert = alerts(server)
    assert (alert["rules"][0]["matched"], alert["alerts"][0]["metric"]) == (0, "cron.*")
    window(server, "cron.backup:1|c")
    assert states(server, "gone") == ["firing", "resolved"]
    sigmad.eventually(lambda: window(server) or len(states(server, "gone")) == 3)
    assert server.csv("alerts")[-1]["metric"] == "cron.backup"


def test_a_reload_keeps_what_unchanged_rules_have_begun(start_server):
    server = start_server(configuration(SLOW))
    for _ in range(2):
        window(server, "api.pay:300|ms|#env:prod")
    server.ini.write_text(configuration(GONE, SLOW.replace("for = 2", "for = 3")))
    assert server.request("POST", "/-/reload").status == 200
    window(server, "api.pay:300|ms|#env:prod")
    window(server, "api.pay:300|ms|#env:prod")
    assert states(server, "slow") == ["pending", "firing"]
    assert {rule["name"] for rule in alerts(server)["rules"]} == {"slow", "gone"}


def test_a_rule_that_matches_nothing_is_said_to_once(start_server):
    server = start_server(configuration(SLOW))
    for _ in range(35):
        window(server, "api.pay:1|c|#env:prod")
    assert alerts(server)["rules"][0]["matched"] == 0
    server.wait_for_log(msg="an alert matches no series")
    server.stop()
    (line,) = server.log_lines(msg="an alert matches no series")
    assert (line["alert"], line["metric"]) == ("slow", "api.*")


FAULTS = [
    ('[alert "a"]\nmetric = x\n', 1, "has no 'condition'"),
    ('[alert "a"]\nmetric = x\ncondition = p97 > 1\n', 3, "p97 is none of [flush] percentiles"),
    ('[alert "a"]\nmetric = x\ncondition = speed > 1\n', 3, "speed"),
    ('[alert "a"]\nmetric = x\ncondition = p99 > much\n', 3, "much"),
    ('[alert "a"]\nmetric = x\ncondition = absent\n', 3, "ends where"),
    ('[alert "a"]\nmetric = x[\ncondition = mean > 1\n', 2, "["),
    ('[alert "a"]\nmetric = x\ncondition = mean > 1\nnotify = nobody\n', 4, 'there is no [notify "nobody"]'),
    ('[alert "a"]\nmetric = x\ncondition = mean > 1\ntags = env\n', 4, "is not key=value"),
    ('[alert "a"]\nmetric = x\ncondition = mean > 1\nseverity = bad\n', 4, "bad"),
    ('[alert "a"]\nmetric = x\ncondition = mean > 1\nfor = 0\n', 4, "0"),
]


@pytest.mark.parametrize("text, line, why", FAULTS)
def test_check_says_where_a_rule_is_wrong_and_why(tmp_path, text, line, why):
    ini = tmp_path / "bad.ini"
    ini.write_text(text)
    done = subprocess.run([sigmad.binary("SIGMAD_BIN"), "--check", "-c", str(ini)], capture_output=True,
                          env=sigmad.clean_environment(), timeout=30, check=False)
    said = done.stderr.decode()
    assert done.returncode == 2
    assert f"bad.ini:{line}: " in said and why in said, said
