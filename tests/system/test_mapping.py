# SPDX-License-Identifier: MIT
# ctest: TIMEOUT 300
"""A statsd_exporter mapping file, as the real binary takes it: every case of tests/data/mapping.jsonl under
profile statsd_exporter, and what a mapping does beside it."""

import json
import subprocess
import time
from pathlib import Path

import pytest

import metric_family
import sigmad
from partners import python_module

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
CASES = [json.loads(line) for line in (Path(__file__).parent.parent / "data" / "mapping.jsonl").open(encoding="utf-8")]
# One letter is a good label for Prometheus, which the exporter's own pattern forgets.
TAKEN = {"map-107"}
# The exporter's counters, gauges and summaries are named as sent.
EXPORTER = {"server": {"profile": "statsd_exporter"}}


def with_mapping(text, **sections):
    """Sections of a configuration whose mapping is the file `mapping.yml` beside it."""
    return sigmad.merged(sigmad.merged(EXPORTER, sections), {"prometheus": {"mapping": "mapping.yml"}})


@pytest.fixture
def mapped(tmp_path):
    """Starts servers with a mapping; they are stopped in the end."""
    started = []

    def start(text, name="server", **sections):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "mapping.yml").write_text(text, encoding="utf-8")
        started.append(sigmad.Server(folder, with_mapping(text, **sections)))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def check(folder, text):
    """Runs --check with a mapping; returns (exit status, standard error)."""
    (folder / "mapping.yml").write_text(text, encoding="utf-8")
    ini = folder / "statsd.ini"
    ini.write_text(sigmad.ini_text(with_mapping(text)), encoding="utf-8")
    done = subprocess.run([sigmad.binary("SIGMAD_BIN"), "--check", "-c", ini], capture_output=True, text=True,
                          env=sigmad.clean_environment(), timeout=30, check=False)
    return done.returncode, done.stderr


def tags_in_names():
    """Whether this build reads tags in names, `n,k=v`."""
    parsed = json.loads(sigmad.sigmactl("parse", stdin="n,k=v:1|c").stdout)
    return parsed.get("tags") == {"k": "v"}


def assert_series(family, metrics, wanted):
    labels = wanted["labels"]
    assert family.type == wanted["type"]
    if wanted.get("help"):
        assert family.help == wanted["help"]
    if wanted["type"] in ("counter", "gauge"):
        assert metrics.get(wanted["name"], **labels) is not None, metrics.series(wanted["name"])
        return
    assert metrics.value(wanted["name"] + "_count", **labels) > 0
    if wanted["type"] == "summary":
        found = {s.labels["quantile"] for s in family.samples if s.name == family.name}
        assert sorted(map(float, found)) == sorted(q for q, _ in wanted["quantiles"])
    else:
        found = {s.labels["le"] for s in family.samples if s.name == family.name + "_bucket"}
        assert sorted(map(float, found - {"+Inf"})) == wanted["buckets"]


def assert_sums(metrics, case):
    """Samples of one series add up, but for gauges, of which the last holds."""
    sums = {}
    for wanted in case["expect"]:
        key = (wanted["name"], tuple(sorted(wanted["labels"].items())), wanted["type"])
        gauge = wanted["type"] == "gauge" and not wanted.get("delta")
        sums[key] = wanted["value"] * wanted.get("count", 1) + (0 if gauge else sums.get(key, 0))
    for (name, labels, kind), total in sums.items():
        sample = name if kind in ("counter", "gauge") else name + "_sum"
        assert metrics.value(sample, **dict(labels)) == pytest.approx(total, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_does_what_statsd_exporter_does(case, mapped, tmp_path):
    if case.get("config_error") and case["id"] not in TAKEN:
        status, faults = check(tmp_path, case["mapping"])
        assert status == 2
        assert f"{tmp_path}/mapping.yml:" in faults
        return
    if case["id"] == "map-055" and not tags_in_names():
        pytest.skip("this build reads no tags in names")
    server = mapped(case["mapping"])
    for line in case["in"]:
        server.send(line)
    server.flush()
    metrics = server.metrics(totals=False)
    if case.get("config_error"):
        return
    for wanted in case["expect"]:
        assert_series(metrics.families[wanted["name"]], metrics, wanted)
    assert_sums(metrics, case)
    names = {wanted["name"] for wanted in case["expect"]}
    own = ("sigmad_", "process_")
    assert {name for name in metrics.families if not name.startswith(own)} == names


def test_what_is_dropped_is_missing_in_prometheus_only(mapped):
    server = mapped("mappings: [{match: secret.*, name: secret, action: drop}]\n")
    server.send("secret.a:1|c\nopen.a:1|c")
    server.flush()
    metrics = server.metrics(totals=False)
    assert "open_a" in metrics.families
    assert not [name for name in metrics.families if "secret" in name]
    assert {row["metric"] for row in server.csv("counters")} == {"secret.a", "open.a"}


def test_mapped_names_are_as_written_in_any_profile(mapped):
    rules = "mappings: [{match: api.*, name: requests, labels: {path: $1}}]\n"
    server = mapped(rules, server={"profile": "modern"})
    server.send("api.home:2|c|#path:x,zone:eu\nother:1|c")
    server.flush()
    metrics = server.metrics(totals=False)
    assert metrics.value("requests", path="home", zone="eu") == 2
    assert metrics.value("other_total") == 1


def test_a_reload_brings_other_rules_and_a_bad_file_keeps_the_old_ones(mapped):
    server = mapped("mappings: [{match: a.*, name: before}]\n")
    file = server.folder / "mapping.yml"
    server.send("a.x:1|c")
    server.flush()
    assert server.metrics(totals=False).value("before") == 1
    file.write_text("mappings: [{match: a.*, name: after}]\n", encoding="utf-8")
    assert server.request("POST", "/-/reload").status == 200
    metrics = server.metrics(totals=False)
    assert metrics.value("after") == 1
    assert "before" not in metrics.families
    file.write_text("mappings:\n- match: a.*\n", encoding="utf-8")
    answer = server.request("POST", "/-/reload")
    assert answer.status >= 400
    assert "mapping.yml:2: a rule needs a name" in answer.text
    server.send("a.y:1|c")
    server.flush()
    assert server.metrics(totals=False).value("after") == 2


def test_a_series_is_gone_when_its_ttl_has_passed_and_back_with_a_sample(mapped):
    server = mapped("mappings: [{match: short.*, name: short, ttl: 300ms}]\n", prometheus={"max_age": "0"})
    server.send("short.a:1|c\nlong.a:1|c")
    asked = time.monotonic()
    assert server.metrics(totals=False).value("short") == 1
    sigmad.eventually(lambda: "short" not in server.metrics(totals=False).families)
    assert time.monotonic() - asked >= 0.3
    assert "long_a" in server.metrics(totals=False).families
    server.send("short.a:1|c")
    assert server.metrics(totals=False).value("short") == 2


def test_buckets_of_a_rule_hold_all_samples_over_windows(mapped):
    rules = """
mappings:
- match: t.*
  name: took_seconds
  observer_type: histogram
  histogram_options: {buckets: [0.01, 0.1, 1]}
"""
    server = mapped(rules)
    for window in range(3):
        server.send("t.a:5|ms\nt.b:50|ms|@0.5\nt.c:0.5|h")
        server.flush()
    metrics = server.metrics(totals=False)
    counts = [metrics.value("took_seconds_bucket", le=le) for le in ("0.01", "0.1", "1", "+Inf")]
    assert counts == [3, 9, 12, 12]
    assert metrics.value("took_seconds_sum") == pytest.approx(3 * (0.005 + 2 * 0.05 + 0.5))


def test_quantiles_of_timers_in_different_units_are_of_all_of_them(mapped):
    server = mapped("mappings: [{match: t.*, name: took}]\n")
    server.send("\n".join(f"t.a:{1000 * i}|ms\nt.b:{i + 100}|h" for i in range(1, 101)))
    server.flush()
    metrics = server.metrics(totals=False)
    assert metrics.value("took", quantile="0.5") == pytest.approx(100, rel=0.005)
    assert metrics.value("took", quantile="0.99") == pytest.approx(198, rel=0.005)


def test_openmetrics_and_protobuf_follow_the_rules_too(mapped):
    rules = """
mappings:
- {match: c.*, name: calls, help: Calls made.}
- match: t.*
  name: took
  unit: seconds
  observer_type: histogram
  histogram_options: {buckets: [0.0105, 1], native_histogram_bucket_factor: 1.1}
"""
    server = mapped(rules, prometheus={"timer_type": "native"})
    for i in range(1, 201):
        server.send(f"c.a:1|c\nt.a:{i}|ms")
    server.flush()
    openmetrics = server.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"}).body
    parser = python_module("prometheus_client.openmetrics.parser")
    families = {family.name: family for family in parser.text_string_to_metric_families(openmetrics.decode())}
    assert families["calls"].documentation == "Calls made."
    assert families["took_seconds"].unit == "seconds"
    assert families["took_seconds"].samples[0][:3] == ("took_seconds_bucket", {"le": "0.0105"}, 10)
    protobuf = server.get("/metrics", {"Accept": PROTOBUF}).body
    _, _, series = metric_family.parse(protobuf)["took_seconds"]
    # Buckets grow by 2^(2^-3), which is 1.09.
    assert series[()]["schema"] == 3
    assert series[()]["count"] == 200
    assert series[()]["sum"] == pytest.approx(20.1)


def test_a_missing_module_is_told_at_the_check(tmp_path):
    ini = tmp_path / "statsd.ini"
    (tmp_path / "mapping.yml").write_text("", encoding="utf-8")
    ini.write_text(sigmad.ini_text(with_mapping("")), encoding="utf-8")
    lonely = tmp_path / "sigmad"
    lonely.write_bytes(Path(sigmad.binary("SIGMAD_BIN")).read_bytes())
    lonely.chmod(0o755)
    done = subprocess.run([lonely, "--check", "-c", ini], capture_output=True, text=True,
                          env=sigmad.clean_environment(), timeout=30, check=False)
    assert done.returncode == 2
    assert "prometheus.mapping needs the module mapping, which was not found: there is no sigmad-mapping.so" in done.stderr
