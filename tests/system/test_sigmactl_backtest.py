# SPDX-License-Identifier: MIT
"""sigmactl backtest: rows in, rows with scores out, and the server's logs as the server itself judged them."""

import csv
import io
import json
import random

import pytest

import sigmad
from sigmad import sigmactl

HEADER = "timestamp,value,anomaly_score,severity"
SPIKE = 2500


def noisy(windows, mean=100, deviation=4, seed=7):
    draws = random.Random(seed)
    return [round(draws.gauss(mean, deviation), 4) for _ in range(windows)]


def table(values, stamp=lambda i: str(1767225600 + 10 * i)):
    return "timestamp,value\n" + "".join(f"{stamp(i)},{value}\n" for i, value in enumerate(values))


def rows(done):
    text = done.stdout.decode()
    assert text.startswith(HEADER + "\n")
    return list(csv.DictReader(io.StringIO(text)))


def with_spike():
    values = noisy(3000)
    values[SPIKE] = 400
    return values


@pytest.mark.parametrize("method", [("auto",), ("sigma", "--hold-off", "20m", "--sigma", "5")])
def test_a_spike_is_the_row_that_alarms(method):
    judged = rows(sigmactl("backtest", "--method", *method, stdin=table(with_spike())))
    assert len(judged) == 3000
    assert float(judged[SPIKE]["anomaly_score"]) >= 0.5 and judged[SPIKE]["severity"] == "critical"
    for row in judged:
        assert (float(row["anomaly_score"]) >= 0.5) == (row["severity"] != "")
        assert 0 <= float(row["anomaly_score"]) <= 1


def test_sigma_scores_every_anomalous_row_and_names_where_one_starts():
    values = noisy(100) + [500, 500, 500] + noisy(20, seed=8)
    judged = rows(sigmactl("backtest", "--method", "sigma", "--sigma", "6", stdin=table(values)))
    assert [i for i, row in enumerate(judged) if float(row["anomaly_score"]) >= 0.5] == [100, 101, 102]
    assert [i for i, row in enumerate(judged) if row["severity"]] == [100]
    assert all(row["anomaly_score"] == "0" for row in judged[:20])  # warming up


def test_stamps_and_values_come_back_as_they_came():
    lines = ["2026-01-01 00:00:00,1.50", "2026-01-01 00:05:00,+2e0", "1767226200,3", "1767226500.25,-0.0"]
    done = sigmactl("backtest", stdin="timestamp,value\r\n" + "\r\n".join(lines) + "\r\n")
    assert done.stdout.decode().splitlines() == [HEADER] + [line + ",0," for line in lines]


def test_a_header_is_not_needed_and_neither_is_a_last_newline():
    assert len(rows(sigmactl("backtest", stdin="1767225600,1\n1767225610,2"))) == 2
    assert rows(sigmactl("backtest", stdin="timestamp,value")) == []
    assert rows(sigmactl("backtest", stdin="")) == []


def test_bad_rows_are_named_and_the_rest_goes_on():
    lines = ["timestamp,value", "1767225600,1", "yesterday,2", "1767225610", "1767225620,nan", "1767225630,inf",
             "1767225640,1e200", "1767225650,1,2", "", "1767225660,4x", "2026-02-30 00:00:00,1", "x" * 5000,
             '"1767225670,5', "1767225675,5\0", "1767225680,6"]
    done = sigmactl("backtest", stdin="\n".join(lines) + "\n", check=False)
    assert done.returncode == 1
    assert [row["value"] for row in rows(done)] == ["1", "6"]
    told = done.stderr.decode().splitlines()
    assert [line.split(":")[2] for line in told] == [str(n) for n in range(3, 15)]
    assert all(line.startswith("sigmactl backtest: standard input:") for line in told)
    assert "timestamp" in told[0] and "two fields" in told[1] and "finite" in told[2] and "too large" in told[4]
    assert "too long" in told[9] and "NUL" in told[11]


def test_odd_stamps_and_constant_series_alarm_nobody():
    values = [7] * 500
    assert not any(row["severity"] for row in rows(sigmactl("backtest", "--method", "auto", stdin=table(values))))
    stamps = [str(1767225600 - 10 * i if i % 100 == 50 else 1767225600 + 10 * i) for i in range(500)]
    assert len(rows(sigmactl("backtest", "--method", "auto", stdin=table(noisy(500), stamps.__getitem__)))) == 500


@pytest.mark.parametrize("arguments, why", [
    (["--method", "best"], "best"),
    (["--sensitivity", "0", "--method", "auto"], "out of bounds"),
    (["--sensitivity", "few", "--method", "auto"], "not a number"),
    (["--sensitivity", "1,2", "--method", "auto"], "one value"),
    (["--sensitivity", "1,,2", "--method", "auto"], "empty"),
    (["--sigma", "1,2,3,4,5,6,7,8,9"], "too many"),
    (["--metric", "x"], "--csv"),
    (["--plot", "x.svg"], "--csv"),
    (["--csv", ".", "--metric", "a["], "pattern"),
    (["--csv", ".", "--statistic", "p95"], "p95"),
    (["--warmup", "1"], "out of bounds"),
    (["stray"], "stray"),
])
def test_bad_usage_is_refused_with_the_reason(arguments, why):
    done = sigmactl("backtest", *arguments, check=False)
    assert done.returncode == 2 and done.stdout == b""
    assert why in done.stderr.decode()


def judged_by_a_server(start_server, anomaly, windows=700):
    """A server that has seen two gauges and a timer with spikes; its data folder."""
    server = start_server({"anomaly": anomaly})
    draws = random.Random(11)
    for i in range(windows):
        extra = 300 if i % 150 == 149 else 0
        lines = [f"queue:{draws.gauss(100, 4) + extra:.3f}|g", f"load;host=a:{draws.gauss(5, 0.1):.4f}|g"]
        lines += ["call:" + ":".join(f"{abs(draws.gauss(50, 5)) + extra:.2f}" for _ in range(25)) + "|ms|#api:v1"]
        for line in lines:
            server.send(line)
        server.flush()
    return server


@pytest.mark.parametrize("anomaly", [
    {"method": "auto"},
    {"method": "sigma", "hold_off": "5s"},
    {"method": "sigma", "sigma": "4", "warmup": "30", "min_change": "0%"},
])
def test_the_logs_are_judged_as_the_server_did(start_server, anomaly):
    windows = 700 if not sigmad.SANITIZED else 300
    server = judged_by_a_server(start_server, anomaly, windows)
    options = [part for key, value in anomaly.items() for part in (f"--{key.replace('_', '-')}", value)]
    done = sigmactl("backtest", "--csv", server.data, "--statistic", "[vmp]*", "--json", *options)
    found = {(statistic["metric"], statistic["statistic"], alarm["timestamp"], alarm["severity"], alarm["reason"])
             for statistic in json.loads(done.stdout)["statistics"] for alarm in statistic["alarms"]}
    own = {(row["metric"], row["statistic"], float(row["timestamp"]), row["severity"], row["reason"])
           for row in server.csv("anomalies") if row["state"] == "start" and row["statistic"] != "rate"}
    assert {name for name, *_ in own} >= {"queue", "call"}
    assert found == own


def gauges(folder, series, windows=3000):
    """A folder with logs of gauges; `series` has their values."""
    folder.mkdir()
    lines = [f"{1767225600 + 10 * i},{name},,{values[i]}\n" for i in range(windows) for name, values in series.items()]
    (folder / "gauges.csv").write_text("timestamp,metric,tags,value\n" + "".join(lines))
    return folder


def test_several_sensitivities_are_compared(tmp_path):
    folder = gauges(tmp_path / "data", {"queue": with_spike(), "load": noisy(3000, seed=9)})
    done = sigmactl("backtest", "--csv", folder, "--method", "auto", "--metric", "q*", "--sensitivity", "1,20,200")
    text = done.stdout.decode()
    lines = [line.split() for line in text.splitlines()]
    counts = {line[3]: int(line[4]) for line in lines if line and line[0] == "queue"}
    assert list(counts) == ["1", "20", "200"]
    assert 1 <= counts["1"] <= counts["20"] <= counts["200"]
    assert "load" not in text and "value 400, usual " in text
    assert text.splitlines()[-1].startswith("sensitivity 200: ")


def test_a_counter_that_stops_is_seen_where_other_rows_go_on(tmp_path):
    folder = gauges(tmp_path / "data", {"load": noisy(400)}, 400)
    lines = [f"{1767225600 + 10 * i},hits,,{1000 + i % 9},{100 + i % 9 / 10}\n" for i in range(300)]
    (folder / "counters.csv").write_text("timestamp,metric,tags,count,rate\n" + "".join(lines))
    done = sigmactl("backtest", "--csv", folder, "--metric", "hits", "--method", "auto", "--json")
    alarms = json.loads(done.stdout)["statistics"][0]["alarms"]
    assert [(alarm["timestamp"], alarm["type"]) for alarm in alarms][-1] == (1767225600 + 3000, "flatline")


def test_plots_show_the_alarms(tmp_path):
    folder = gauges(tmp_path / "data", {"queue": with_spike(), "load<b>": noisy(3000, seed=9)})
    one, page = tmp_path / "one.svg", tmp_path / "page.html"
    sigmactl("backtest", "--csv", folder, "--metric", "queue", "--method", "auto", "--plot", one)
    assert one.read_text().lstrip().startswith(("<?xml", "<svg")) and "value 400, usual" in one.read_text()
    sigmactl("backtest", "--csv", folder, "--method", "auto", "--plot", page)
    assert page.read_text().count("<svg") == 2 and "load<b>" not in page.read_text()
    refused = sigmactl("backtest", "--csv", folder, "--plot", one, check=False)
    assert refused.returncode == 1 and b"2 match" in refused.stderr
    refused = sigmactl("backtest", "--csv", folder, "--metric", "queue", "--plot", tmp_path / "no" / "x.svg",
                       check=False)
    assert refused.returncode == 1 and b"No such file" in refused.stderr


def test_logs_that_have_nothing_of_it_or_are_not_there(tmp_path):
    folder = gauges(tmp_path / "data", {"queue": [1]}, 1)
    for arguments in (["--csv", folder, "--metric", "nothing.*"], ["--csv", tmp_path / "none"]):
        done = sigmactl("backtest", *arguments, check=False)
        assert done.returncode == 1 and done.stdout == b"" and len(done.stderr.splitlines()) == 1
