# SPDX-License-Identifier: MIT
"""The methods of detection in the whole server: auto, its bound, a change of the method, and what is refused."""

import random
import re
import subprocess

import sigmad
from partners import promtool_check

WINDOWS = 600 if not sigmad.SANITIZED else 300


def calm(server, windows=WINDOWS, seed=5):
    """Closes windows in which a gauge and a timer are about what they always are."""
    draws = random.Random(seed)
    for _ in range(windows):
        server.send(f"queue:{draws.gauss(100, 4):.3f}|g")
        server.send("call:" + ":".join(f"{draws.gauss(50, 3):.2f}" for _ in range(25)) + "|ms|#api:v1")
        server.flush()


def starts(server, metric):
    return [row for row in server.csv("anomalies") if row["metric"] == metric and row["state"] == "start"]


def test_auto_calls_out_what_is_not_usual_and_says_why(start_server):
    server = start_server({"anomaly": {"method": "auto", "sensitivity": "5"}})
    calm(server)
    before = len(starts(server, "call"))
    server.send("call:" + ":".join(["214"] * 25) + "|ms|#api:v1")
    server.flush()
    found = {row["statistic"]: row for row in starts(server, "call")[before:]}
    assert {"mean", "p99"} <= set(found)
    row = found["p99"]
    assert (row["type"], row["severity"], row["tags"]) == ("high_latency", "critical", "api=v1")
    usual = re.match(r"p99 214 ms, usual ([\d.]+)–([\d.]+)(?: at this hour)?, .*highest in ", row["reason"])
    assert usual and float(row["lower"]) < float(row["mean"]) < float(row["upper"]) < 100
    assert abs(float(usual[2]) - float(row["upper"])) < 1

    metrics = server.metrics()
    assert metrics.value("sigmad_anomaly", metric="call", tags="api=v1", statistic="p99", severity="critical") == 1
    assert metrics.value("sigmad_anomaly_state_bytes") > 0 and metrics.value("sigmad_anomaly_substitutes") == 0
    assert "error" not in promtool_check(server.get("/metrics").body)
    assert row["reason"] in [active["reason"] for active in server.anomalies()["active"]]
    server.wait_for_log(msg="anomaly", statistic="p99", reason=row["reason"])

    calm(server, 3, seed=6)
    ends = [row for row in server.csv("anomalies") if row["metric"] == "call" and row["state"] == "end"]
    assert {"mean", "p99"} <= {row["statistic"] for row in ends}


def test_most_windows_of_noise_are_left_alone(start_server):
    server = start_server({"anomaly": {"method": "auto", "sensitivity": "5"}})
    calm(server)
    # Of three statistics: how long a window is that is closed by hand, and with it the rate, is the machine's affair.
    rows = [row for row in server.csv("anomalies") if row["statistic"] != "rate"]
    assert len(rows) <= 0.03 * 3 * WINDOWS


def test_series_beyond_the_memory_of_auto_are_judged_by_sigma(start_server):
    server = start_server({"anomaly": {"method": "auto", "max_memory": "1MiB", "warmup": "5"}})
    names = [f"level.{index:04}" for index in range(2000)]
    for value in (10, 11, 10, 11, 10, 11):
        for at in range(0, len(names), 50):
            server.send("\n".join(f"{name}:{value}|g" for name in names[at:at + 50]))
        server.flush()
    metrics = server.metrics()
    assert 0 < metrics.value("sigmad_anomaly_state_bytes") <= 1 << 20
    beyond = metrics.value("sigmad_anomaly_substitutes")
    assert 1000 < beyond < 2000
    line = server.wait_for_log(msg="no room to judge by auto, sigma does")
    assert line["key"] == "anomaly.max_memory" and float(line["statistics"]) == beyond
    assert len(server.log_lines(msg="no room to judge by auto, sigma does")) == 1
    server.send(f"{names[-1]}:99|g")
    server.flush()
    assert "above the usual 10.5" in starts(server, names[-1])[0]["reason"]


def reload(server, method):
    server.ini.write_text(re.sub(r"^method = .*$", f"method = {method}", server.ini.read_text(), flags=re.MULTILINE))
    assert server.request("POST", "/-/reload").status == 200


def test_a_reload_changes_the_method_and_ends_what_lasts(start_server):
    server = start_server({"anomaly": {"method": "sigma", "warmup": "5"}})

    def window(value):
        server.send(f"queue:{value}|g")
        server.flush()
        return [row["reason"] for row in server.csv("anomalies")]

    for value in (10, 11, 10, 11, 10, 11):
        window(value)
    assert len(window(99)) == 1
    reload(server, "auto")
    assert window(99)[1:] == ["the method of detection was changed"]
    assert server.metrics().value("sigmad_anomaly_state_bytes") > 0
    reload(server, "sigma")
    again = window(1e5)
    assert len(again) == 3 and "above the usual" in again[2]  # goes on from what it learnt meanwhile
    reload(server, "off")
    assert window(1e5)[3:] == ["detection was switched off"]
    assert len(window(1e6)) == 4
    assert server.metrics().value("sigmad_anomaly_state_bytes") == 0


def test_unknown_words_and_patterns_are_refused_with_their_lines(tmp_path):
    faulty = tmp_path / "faulty.ini"
    faulty.write_text("[anomaly]\nmethod = best\nerrors = *oops*, a[b\nmemory = *\\\nsensitivity = many\n"
                      "hold_off = 3\nlatncy = x\nmax_memory = 10\n")
    done = subprocess.run([sigmad.binary("SIGMAD_BIN"), "--check", "-c", faulty], capture_output=True, text=True,
                          timeout=sigmad.STOP_SECONDS, env=sigmad.clean_environment(), check=False)
    assert done.returncode == 2
    told = done.stderr.splitlines()
    assert [int(re.match(rf"{faulty}:(\d+): ", line)[1]) for line in told] == [2, 3, 4, 5, 6, 7, 8]
    assert "sigma | auto | off" in told[0] and "never closed" in told[1] and "backslash" in told[2]
    assert "latency" in told[5]


def test_types_follow_the_patterns_of_the_configuration(start_server):
    server = start_server({"anomaly": {"warmup": "5", "errors": "*oops*", "memory": "ram", "cpu": ""}})
    names = {"my.oops": "high_error_rate", "http.errors": "high_value", "hostRam": "high_memory", "cpu": "high_value"}
    for value in (10, 11, 10, 11, 10, 11, 99):
        server.send("\n".join(f"{name}:{value}|g" for name in names))
        server.flush()
    assert {row["metric"]: row["type"] for row in server.csv("anomalies") if row["state"] == "start"} == names
