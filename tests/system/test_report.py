# SPDX-License-Identifier: MIT
"""Reports: the page of a running server, sigmactl report from it and from CSV, and what comes of their advice."""

import csv
import http.client
import json
import random
import re
import statistics
import tempfile
import time

import pytest

from browser import render, start_browser
from sigmad import PATIENCE, eventually, sigmactl

INTERVAL_S = 0.1
WINDOWS = 60
WORSE_FROM = 40
BURST = 4000
NAMES = ("search", "login", "cart", "img")

# It holds the datagrams of several windows, and a fiftieth of the burst.
SMALL_BUFFER = {
    "server": {"udp": "127.0.0.1:0", "receive_buffer": "32KiB"},
    "flush": {"interval": "100ms", "percentiles": "50"},
    "history": {"keep": "1h"},
}


def send_load(server, seed=1):
    """Six seconds of the load of an hour, a window for every minute: steady series beside one that becomes three
    times as slow after two thirds, and in the middle a burst that a small receive buffer does not hold."""
    chance = random.Random(seed)
    for window in range(WINDOWS):
        begun = time.monotonic()
        slower = 3 if window >= WORSE_FROM else 1
        for _ in range(10):
            lines = [f"api.{name}.time:{chance.gauss(50, 5):.2f}|ms|#region:eu\napi.{name}.hits:1|c" for name in NAMES]
            lines.append(f"api.pay.time:{chance.gauss(80, 8) * slower:.2f}|ms|#region:eu")
            lines.append(f"queue.depth:{chance.gauss(100, 10):.0f}|g")
            server.send("\n".join(lines))
        if window == WINDOWS // 2:
            for _ in range(BURST):
                server.send("burst:1|c")
        # The load keeps its own pace, which no condition of the server could give. It catches up with nothing: what
        # a busy machine has held up would come all at once.
        time.sleep(max(0, begun + INTERVAL_S - time.monotonic()))
    server.flush()


def report_of(server):
    answer = server.get("/api/v1/report?format=json")
    assert answer.status == 200, answer.text
    return answer.json()


def rules_of(report):
    return [advice["rule"] for advice in report["recommendations"]]


def http_of(server):
    return f"{server.http[0]}:{server.http[1]}"


def names_the_regression_first(report):
    first = report["changes"][0]
    assert (first["metric"], first["tags"], first["type"]) == ("api.pay.time", "region=eu", "ms"), report["changes"]
    assert first["shape"] == "step"
    assert 2.5 < first["after"] / first["before"] < 3.5
    assert "api.pay.time" in report["reason"]


def test_a_regression_is_named_first_and_the_advice_removes_the_drops(start_server, tmp_path):
    server = start_server(SMALL_BUFFER)
    send_load(server)
    dropped = server.balance()["datagrams"]["dropped_by_kernel"]
    assert dropped > 0, "the burst fitted into 32 KiB"

    report = report_of(server)
    assert report["status"] == "critical"
    assert rules_of(report)[0] == "receive_buffer", report["recommendations"]
    assert report["losses"]["datagrams_dropped"] == dropped
    assert str(dropped) in report["recommendations"][0]["title"]

    mended = tmp_path / "mended.ini"
    done = sigmactl("report", "--server", http_of(server), "--apply", "--config", server.ini, "-o", mended)
    difference = done.stdout.decode()
    assert "-receive_buffer = 32KiB\n" in difference
    value = re.search(r"^\+receive_buffer = (\S+)$", difference, re.MULTILINE).group(1)
    before, after = server.ini.read_text(), mended.read_text()
    assert f"receive_buffer = {value}\n" in after
    replaced = [line for line in before.splitlines() if line not in after.splitlines()]
    # A server that a busy machine makes late is told to close windows less often.
    assert [line for line in replaced if line != "interval = 100ms"] == ["receive_buffer = 32KiB"]
    server.stop()

    names_the_regression_first(report)
    names_the_regression_first(json.loads(sigmactl("report", "--csv", server.data, "--json").stdout))

    second = start_server(after)
    send_load(second)
    assert second.balance()["datagrams"]["dropped_by_kernel"] == 0
    assert "receive_buffer" not in rules_of(report_of(second))


def test_windows_that_are_closed_by_hand_are_told_apart(start_server):
    """By the configured interval all of them would be one point, in which nothing changes.

    Points are equal parts of the time: windows of 30 ms are not lost in it when the machine stands still for a second.
    And rates change with the machine, but not fiftyfold.
    """
    server = start_server({"flush": {"interval": "1d"}, "history": {"keep": "1h"}})
    chance = random.Random(3)
    for window in range(WINDOWS):
        slower = 50 if window >= WORSE_FROM else 1
        server.send("\n".join(f"pay:{chance.gauss(80, 8) * slower:.2f}|ms\nhits:1|c" for _ in range(10)))
        time.sleep(0.03)
        server.flush()
    assert report_of(server)["changes"][0]["metric"] == "pay"


def section_of(markdown, title):
    return markdown.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows_of(markdown, title):
    """The rows of a section's table but for the last column, whose marks are of the time that the report is about."""
    return [line.split(" | ")[:-1] for line in section_of(markdown, title).splitlines() if line.startswith("|")]


def test_timers_over_time_are_the_same_from_server_and_logs(start_server):
    flush = {"interval": "250ms", "align": "true", "percentiles": "50, 95, 99"}
    server = start_server({"flush": flush, "history": {"keep": "1h"}})
    chance = random.Random(5)

    def logged():
        with open(server.data / "timers.csv", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def enough():
        for name, mean in (("pay", 80), ("search", 50), ("cart", 20)):
            server.send("\n".join(f"api.{name}:{chance.gauss(mean, mean / 4):.3f}|ms" for _ in range(20)))
        return (server.data / "timers.csv").exists() and len({row["timestamp"] for row in logged()}) >= 12

    eventually(enough, message="twelve windows were never logged")
    # A window that is closed by hand has no rows, and so moves no other.
    eventually(lambda: not server.snapshot()["timers"], message="the last samples never had a window")
    server.flush()
    of_server = sigmactl("report", "--server", http_of(server)).stdout.decode()
    of_logs = sigmactl("report", "--csv", server.data).stdout.decode()
    rows = rows_of(of_server, "Slowest timers")
    assert rows == rows_of(of_logs, "Slowest timers")
    assert [row[0] for row in rows[2:]] == ["| `api.pay`", "| `api.search`", "| `api.cart`"]

    slowest = report_of(server)["slowest"][0]
    of_pay = [row for row in logged() if row["metric"] == "api.pay"]
    for figure, column in (("max", "max"), ("worst_p99", "p99")):
        assert slowest[figure] == pytest.approx(max(float(row[column]) for row in of_pay), rel=1e-6)
    for figure in ("p50", "p95", "p99"):
        assert slowest[figure] == pytest.approx(statistics.median(float(row[figure]) for row in of_pay), rel=1e-6)


def test_nothing_is_recommended_where_nothing_is_wrong(start_server):
    server = start_server({"flush": {"percentiles": "50"}, "history": {"keep": "1h"}})
    for _ in range(3):
        for _ in range(20):
            server.send("a:1|c\nb:2|g\nc:3|ms\nd:4|s")
        server.flush()
    report = report_of(server)
    assert report["recommendations"] == []
    assert report["status"] == "ok"
    assert report["reason"] == "Nothing was lost, nothing lasts, nothing has changed."
    assert report["losses"]["samples_received"] == report["losses"]["samples_stored"] == 240
    assert {row["metric"] for row in report["busiest"]} == {"a", "c"}


@pytest.mark.parametrize(
    "query, accept, wanted",
    [
        ("", None, "text/markdown"),
        ("", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html"),
        ("", "application/json", "application/json"),
        ("", "image/png", "text/markdown"),
        ("", "text/*", "text/markdown"),
        ("?format=html", "application/json", "text/html"),
        ("?range=5m&format=json", None, "application/json"),
    ],
)
def test_the_form_is_by_query_then_by_accept(server, query, accept, wanted):
    answer = server.get(f"/api/v1/report{query}", {"Accept": accept} if accept else {})
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == wanted


@pytest.mark.parametrize("query", ["format=xml", "range=0", "range=2d", "range=", "range=now", "format="])
def test_a_query_that_makes_no_sense_is_refused(server, query):
    answer = server.get(f"/api/v1/report?{query}")
    assert answer.status == 400
    assert answer.text.strip()


def test_a_report_of_a_server_without_a_window_says_so(start_server):
    server = start_server()
    text = server.get("/api/v1/report").text
    assert text.startswith("# sigmad report: ok\n")
    assert "No counter and no timer had a sample" in text


def test_senders_of_bad_lines_are_named(start_server):
    server = start_server()
    for _ in range(20):
        server.send("oops")
    server.flush()
    sender = "{}:{}".format(*server.socket_to(server.udp).getsockname())

    def named():
        found = [a for a in report_of(server)["recommendations"] if a["rule"] == "bad_lines" and sender in a["title"]]
        return found and found[0]

    advice = eventually(named, message="the log's lines never came to the report")
    assert "no_colon" in advice["evidence"]
    assert advice["settings"] == []


def test_alerts_that_fire_are_told_by_server_and_logs(start_server):
    server = start_server({'alert "slow"': {"metric": "api.*", "condition": "mean > 50", "severity": "critical"}})
    server.send("api.time:80|ms|#region:eu")
    server.flush()
    of_logs = json.loads(sigmactl("report", "--csv", server.data, "--json").stdout)
    for report in (report_of(server), of_logs):
        assert report["status"] == "critical"
        assert "1 alert fires" in report["reason"]
        assert report["alerts_firing"] == 1
        alert = report["alerts"][0]
        assert (alert["name"], alert["state"], alert["metric"], alert["tags"]) == (
            "slow", "firing", "api.time", "region=eu")
    server.send("api.time:20|ms|#region:eu")
    server.flush()
    of_logs = json.loads(sigmactl("report", "--csv", server.data, "--json").stdout)
    assert (of_logs["alerts_firing"], of_logs["alerts"][0]["state"]) == (0, "resolved")
    assert report_of(server)["alerts_firing"] == 0


def test_requests_that_come_together_all_get_an_answer(start_server):
    server = start_server()
    server.send("a:1|c")
    server.flush()
    paths = [f"/api/v1/report?format={form}&range={r}" for form in ("html", "json", "markdown") for r in ("1m", "1h")]
    connections = []
    try:
        for path in paths:
            connection = http.client.HTTPConnection(*server.http, timeout=30 * PATIENCE)
            connection.request("GET", path)
            connections.append(connection)
        # One goes away before its answer.
        connections.pop().close()
        for connection in connections:
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.read()
    finally:
        for connection in connections:
            connection.close()
    assert server.get("/-/healthy").status == 200


HOSTILE = "<script>alert(1)</script>"


def page_of_five_windows(start_server, page, lines):
    """The page of a report whose five windows or more hold samples of these lines, `hits:1|c` among them."""
    # Without a history it shows the series of the latest window, into which nothing may have been sent.
    server = start_server({"flush": {"interval": "50ms"}, "history": {"keep": "1h"}})

    def enough():
        server.send(lines)
        report = report_of(server)
        # Of windows there may be five before anything was sent.
        counts = {row["metric"]: row["count"] for row in report["busiest"]}
        return report["windows"] >= 5 and counts.get("hits", 0) >= 5

    eventually(enough, message="five windows were never closed")
    sigmactl("report", "--server", http_of(server), "--html", page)
    return page


def test_chromium_shows_the_page_without_a_complaint(start_server, tmp_path):
    page = page_of_five_windows(start_server, tmp_path / "report.html",
                                f"api.time:12.5|ms|#who:{HOSTILE}\nhits:1|c\n{HOSTILE}:7|g\nbad")
    text = page.read_text()
    assert HOSTILE not in text
    assert not re.search(r"(src|href)\s*=", text), "the page asks for something else"
    with tempfile.TemporaryDirectory(prefix="chromium-") as folder:
        document, complaints = render(page, folder)
    assert complaints == []
    for words in ("What changed", "Recommendations", "Samples received", "Slowest timers", "12.5 ms", "Balance"):
        assert words in document
    assert document.count("<svg") >= 6
    assert "<script>alert" not in document
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in document


# Texts of plots that cover one another, and how much wider the page is than the window.
CROWDED = """(() => {
    const found = [];
    for (const plot of document.querySelectorAll("svg.plot")) {
        const texts = [...plot.querySelectorAll("text")]
            .map((text) => [text.textContent, text.getBoundingClientRect()]);
        texts.forEach(([name, box], at) => texts.slice(0, at).forEach(([other, its]) => {
            if (box.left < its.right && its.left < box.right && box.top < its.bottom - 1 && its.top < box.bottom - 1) {
                found.push(`${other} | ${name}`);
            }
        }));
    }
    return [found, document.documentElement.scrollWidth - document.documentElement.clientWidth];
})()"""


def test_nothing_is_crowded_or_tiny_on_narrow_screens(start_server, tmp_path):
    file = page_of_five_windows(start_server, tmp_path / "report.html", f"{'a.very.long.name' * 5}:12.5|ms\nhits:1|c")
    with start_browser() as page:
        page.open(file)
        for width in (1280, 420, 320):
            page.resize(width, 800)
            assert page.value(CROWDED) == [[], 0], width
        page.resize(420, 800)
        # As it is on the screen, since plots are scaled to it.
        assert page.value("document.querySelector('.plot .tick').getBoundingClientRect().height") >= 11


# sigmactl alone.


def write_logs(folder, rows):
    """counters.csv and timers.csv of windows that end every ten seconds; rows(i) gives lines by file."""
    folder.mkdir()
    headers = {
        "counters": "timestamp,metric,tags,count,rate",
        "timers": "timestamp,metric,tags,type,count,rate,sum,mean,min,max,stddev,p50,p95,p99",
    }
    for name, header in headers.items():
        with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            file.write(header + "\n")
            writer = csv.writer(file, lineterminator="\n")
            for i in range(200):
                writer.writerows([1764316800 + 10 * i, *row] for row in rows(i).get(name, []))


def timer(value, tags="region=eu"):
    return ["api.time", tags, "ms", 100, 10, 100 * value, value, value / 2, value * 3, 1, value, value * 2, value * 2.5]


def test_logs_make_a_report_of_their_time(tmp_path):
    logs = tmp_path / "logs"
    write_logs(logs, lambda i: {"counters": [["hits", "", 10 + i % 2, 1]], "timers": [timer(200 if i >= 150 else 100)]})
    report = json.loads(sigmactl("report", "--csv", logs, "--json").stdout)
    assert (report["source"], report["windows"]) == ("csv", 200)
    assert (report["from"], report["to"]) == (1764316790, 1764316800 + 1990)
    assert [change["metric"] for change in report["changes"]] == ["api.time"]
    assert report["changes"][0]["since"] == pytest.approx(1764316790 + 1500, abs=20)
    assert report["slowest"][0]["mean"] == pytest.approx(125)
    assert report["slowest"][0]["max"] == 600
    assert report["slowest"][0]["worst_p99"] == 500
    assert report["busiest"][0] == {"metric": "api.time", "tags": "region=eu", "type": "ms", "count": 20000, "rate": 10}

    part = json.loads(sigmactl("report", "--csv", logs, "--json", "--from", "1764316800", "--to", "1764318000").stdout)
    assert part["changes"] == []
    assert part["windows"] == 121


def test_a_tag_that_explodes_is_named_with_its_beginning(tmp_path):
    logs = tmp_path / "logs"
    rows = lambda i: {"counters": [["hits", f"user={i}-{k};status=200", 1, 0.1] for k in range(20 if i >= 100 else 0)]}
    write_logs(logs, rows)
    report = json.loads(sigmactl("report", "--csv", logs, "--json").stdout)
    advice = next(a for a in report["recommendations"] if a["rule"] == "tag_explosion")
    assert "user" in advice["title"]
    assert advice["settings"] == [{"section": "flush", "key": "expire_counters", "value": "1d", "was": "0"}]
    assert report["tags"][0]["values"] == pytest.approx(2000, rel=0.02)
    assert report["tags"][0]["metric"] == "hits"


@pytest.mark.parametrize("options, says", [
    (["--csv", "nowhere"], "nowhere"),
    (["--csv", ".", "--from", "2"], "no row"),
    (["--csv", ".", "--apply", "--config", "missing.ini"], "missing.ini"),
    (["--server", "127.0.0.1:1"], "cannot reach"),
])
def test_what_cannot_be_done_is_told(tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    done = sigmactl("report", *options, check=False)
    assert done.returncode in (1, 2)
    assert says in done.stderr.decode()
    assert done.stdout == b""


@pytest.mark.parametrize("options", [["--from", "-1h"], ["-o", "x"], ["--csv", ".", "--from", "now", "--to", "-1h"],
                                     ["--range", "2d"], ["operand"]])
def test_bad_usage_is_refused(options):
    assert sigmactl("report", *options, check=False).returncode == 2


def test_settings_are_applied_to_a_copy_that_is_checked(tmp_path):
    logs = tmp_path / "logs"
    write_logs(logs, lambda i: {"timers": [timer(100)] + [["t", "", "ms", 5, 1, 5, 1, 1, 1, 1, 1, 1, 1]]})
    ini = tmp_path / "statsd.ini"
    text = "; mine\n[flush]\npercentiles = 50, 95, 99 ; all\n\n[server]\nworkers = 2\n"
    ini.write_text(text)
    out = tmp_path / "new.ini"
    done = sigmactl("report", "--csv", logs, "--apply", "--config", ini, "-o", out)
    assert out.read_text() == text.replace("= 50, 95, 99 ; all", "= 50         ; all")
    assert "-percentiles = 50, 95, 99 ; all\n+percentiles = 50         ; all\n" in done.stdout.decode()
    assert ini.read_text() == text

    again = sigmactl("report", "--csv", logs, "--apply", "--config", ini, "-o", ini, check=False)
    assert again.returncode == 1
    assert ini.read_text() == text

    # A file that the server does not take is neither read for its thresholds nor copied.
    ini.write_text(text + "[nonsense]\n")
    out.unlink()
    broken = sigmactl("report", "--csv", logs, "--apply", "--config", ini, "-o", out, check=False)
    assert broken.returncode == 2
    assert "nonsense" in broken.stderr.decode()
    assert not list(tmp_path.glob("new.ini*"))
