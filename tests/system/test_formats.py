# SPDX-License-Identifier: MIT
"""/metrics in its three formats: which one is given, that readers accept each, and that all say the same."""

import gzip
import math
import random
import time

import pytest

import exposition
import metric_family
from partners import promtool_check, python_module
from sigmad import eventually

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# What Prometheus 2.42 sends, without and with native histograms.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
TYPES = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "protobuf": PROTOBUF,
}
NAMES = (
    "plain", "with.dots", "404.hits", "requests.total", "requests", "requests.created", "Camel.case", "größe",
    "a.count", "a.sum", "a.bucket", "a.created", "a.created.total", "a.total.total", "a", "total", "_total", "_created",
    "sigmad.x", 'quoted"name', "back\\slash", "b.gauge", "b",
)


def scrape(server, accept, **headers):
    answer = server.get("/metrics", {"Accept": accept, **headers})
    assert answer.status == 200
    return answer


def openmetrics_families(body):
    parser = python_module("prometheus_client.openmetrics.parser")
    return {family.name: family for family in parser.text_string_to_metric_families(body.decode())}


def text_families(body):
    parser = python_module("prometheus_client.parser")
    return {family.name: family for family in parser.text_string_to_metric_families(body.decode())}


@pytest.mark.parametrize("accept, given", [
    ("", "text"),
    ("*/*", "text"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text"),
    ("text/plain", "text"),
    (PROMETHEUS, "openmetrics"),
    (PROMETHEUS_NATIVE, "protobuf"),
    ("text/plain;q=0.9, application/openmetrics-text;q=0.95", "openmetrics"),
    ("text/plain;q=0.9, application/openmetrics-text;q=0.85", "text"),
    ("application/openmetrics-text;q=0", "text"),
    ("application/openmetrics-text; version=2.0.0", "text"),
    ('Application/OpenMetrics-Text ; Version="1.0.0"', "openmetrics"),
    ("application/vnd.google.protobuf;encoding=text;proto=io.prometheus.client.MetricFamily", "text"),
    ("application/json", "text"),
    (",;,q=,;q=1;;=,\"", "text"),
])
def test_the_format_is_what_the_reader_prefers(server, accept, given):
    answer = scrape(server, accept)
    assert answer.headers["Content-Type"] == TYPES[given]
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"


def send_everything(server):
    """Names that clash in one format or another, hostile labels, negative values, fractional weights."""
    for name in NAMES:
        for kind in ("c", "g", "ms", "h", "s"):
            server.send(f'{name}:1|{kind}|#le:1,q"uote:v"v,back\\slash:\\,flag,k:1,k:2,__x:1,1:1\n{name}:2|{kind}')
        server.send(f"{name}:2|c|@0.3\n{name}:7|ms|@0.3")
    server.send("only.dots:3|c\nonly\"quoted:1|c")
    server.send("below:-5|h\nbelow:3|h\ndown:-5|h\nweighted:3|h|@0.7")
    server.flush()


@pytest.mark.parametrize("created", ["false", "true"])
@pytest.mark.parametrize("timer_type", ["summary", "histogram", "native"])
def test_readers_accept_every_exposition(start_server, timer_type, created):
    server = start_server({
        "prometheus": {"timer_type": timer_type, "created": created, "buckets_plain": "-4, 0, 1, 2.5"},
        "flush": {"percentiles": "50, 99.9, 100"},
    })
    server.metrics()
    send_everything(server)
    plain = scrape(server, "text/plain").body
    assert "error" not in promtool_check(plain)
    strict = exposition.parse(plain)
    assert len(text_families(plain)) > len(NAMES)
    families = openmetrics_families(scrape(server, OPENMETRICS).body)
    assert len(families) == len(strict.families)
    assert len(metric_family.parse(scrape(server, PROTOBUF).body)) == len(strict.families)
    assert families["only_dots"].type == "counter"
    assert families["only_dots"].documentation == "StatsD counter only.dots."
    assert families["only_quoted"].documentation == 'StatsD counter only"quoted.'
    assert families["only_dots"].samples[0][:3] == ("only_dots_total", {}, 3)
    assert [s.name for s in families["only_dots"].samples[1:]] == ["only_dots_created"] * (created == "true")
    # Counters whose names others have.
    assert families["requests_total"].type == families["a_total"].type == "unknown"


@pytest.mark.parametrize("timer_type", ["summary", "histogram"])
def test_all_formats_say_the_same(start_server, timer_type):
    server = start_server({"prometheus": {"timer_type": timer_type, "buckets": ".11, 1, 2.51"}})
    server.send('hits:3|c|#env:a"b\\c\nhits:4|c|#env:x,flag\nlevel:-2.5|g\nwho:a|s\nwho:b|s')
    for value in range(1, 101):
        server.send(f"took:{value * 20 + 5}|ms")
    server.flush()
    text = server.metrics()
    families = openmetrics_families(scrape(server, OPENMETRICS).body)
    messages = metric_family.parse(scrape(server, PROTOBUF).body)
    shown = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families.values() for s in f.samples}
    for family in text.families.values():
        if family.name.startswith(("sigmad_", "process_")):
            continue
        for sample in family.samples:
            labels = {key: {"1": "1.0"}.get(value, value) if key == "le" else value for key, value in sample.labels.items()}
            assert shown[sample.name, tuple(sorted(labels.items()))] == pytest.approx(sample.value, rel=1e-12)
    kind, said, hits = messages["hits_total"]
    assert (kind, said) == (metric_family.COUNTER, "StatsD counter hits.")
    assert {labels: hit["value"] for labels, hit in hits.items()} == {
        (("env", 'a"b\\c'),): 3, (("env", "x"), ("flag", "true")): 4}
    assert messages["level"][2][()]["value"] == -2.5
    assert messages["who"][2][()]["value"] == 2
    kind, _, took = messages["took_seconds"]
    took = took[()]
    assert (took["count"], took["sum"]) == (100, pytest.approx(101.5))
    if timer_type == "summary":
        assert kind == metric_family.SUMMARY
        assert set(took["quantiles"]) == {0.5, 0.9, 0.95, 0.99, 0.999}
        assert took["quantiles"][0.5] == text.value("took_seconds", quantile="0.5")
    else:
        assert kind == metric_family.HISTOGRAM
        assert [(b["bound"], b["count"]) for b in took["buckets"]] == [(0.11, 5), (1, 49), (2.51, 100)]
    # The server's own, in each format.
    assert messages["sigmad_lines_accepted_total"][2][()]["value"] == 105
    assert families["sigmad_lines_accepted"].samples[0].value == 105


@pytest.mark.parametrize("accept", [OPENMETRICS, PROTOBUF])
def test_gzip_packs_every_format(server, accept):
    server.send("a:1|c\nt:5|ms")
    server.flush()
    answer = scrape(server, accept, **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    body = gzip.decompress(answer.body)
    if accept == OPENMETRICS:
        assert openmetrics_families(body)["a"].samples[0].value == 1
        assert body.endswith(b"\n# EOF\n")
    else:
        assert metric_family.parse(body)["a_total"][2][()]["value"] == 1


def test_created_lies_between_the_scrape_before_and_the_first_sample(start_server):
    begun = math.floor(time.time()) - 1
    server = start_server({"prometheus": {"created": "true", "max_age": "0"}})
    server.send("old:1|c\nt:1|ms")
    asked = time.time()
    scrape(server, OPENMETRICS)
    first = time.time()
    eventually(lambda: time.time() >= first + 1.1)
    server.send("new:1|c")
    sent = time.time()
    families = openmetrics_families(scrape(server, OPENMETRICS).body)
    messages = metric_family.parse(scrape(server, PROTOBUF).body)

    def created(name):
        values = [s.value for s in families[name].samples if s.name == f"{name}_created"]
        assert len(values) == 1
        return values[0]

    assert begun <= created("old") <= first
    assert begun <= created("t_seconds") <= first
    assert math.floor(asked) <= created("new") <= sent
    assert metric_family.created(messages["new_total"][2][()]) == created("new")
    assert metric_family.created(messages["t_seconds"][2][()]) == created("t_seconds")


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS, PROTOBUF])
def test_what_has_expired_is_gone_from_the_next_scrape(start_server, accept):
    server = start_server({
        "flush": {"expire_counters": "1s", "expire_gauges": "1s", "expire_timers": "1s", "expire_sets": "1s"},
        "prometheus": {"timer_type": "native", "max_age": "0"},
    })
    server.send("gone_a:1|c\ngone_b:1|g\ngone_c:1|ms\ngone_d:1|s")
    server.flush()
    taken = time.monotonic()
    assert scrape(server, accept).body.count(b"gone_") > 0
    eventually(lambda: time.monotonic() > taken + 1.2)
    server.send("stays:1|c")
    server.flush()
    body = scrape(server, accept).body
    assert b"gone_" not in body
    assert b"stays" in body
    # What comes back begins anew.
    server.send("gone_c:5|ms")
    server.flush()
    messages = metric_family.parse(scrape(server, PROTOBUF).body)
    assert messages["gone_c_seconds"][2][()]["count"] == 1


def lognormal(count, sigma):
    source = random.Random(11)
    return [round(source.lognormvariate(4, sigma), 3) for _ in range(count)]


def send_all(server, name, values, kind):
    for at in range(0, len(values), 50):
        server.send("\n".join(f"{name}:{value}|{kind}" for value in values[at:at + 50]))


def nearest_rank(values, quantile):
    return sorted(values)[math.ceil(quantile * len(values)) - 1]


def test_native_histograms_hold_every_sample(start_server):
    server = start_server({"prometheus": {"timer_type": "native", "native_max_buckets": "40"}})
    values = [*lognormal(3000, 1), *[-v for v in lognormal(500, 0.5)], 0, 0]
    for part in (values[:1000], values[1000:1010], values[1010:]):
        send_all(server, "size", part, "h")
        server.flush()
    _, _, series = metric_family.parse(scrape(server, PROTOBUF).body)["size"]
    found = series[()]
    assert found["count"] == len(values)
    assert found["sum"] == pytest.approx(sum(values))
    assert found["zero_count"] == 2
    assert len([c for c in [*found["positive"].values(), *found["negative"].values()] if c]) <= 40
    base = 2 ** (2 ** -found["schema"])
    for sign, side in ((1, found["positive"]), (-1, found["negative"])):
        for index, count in side.items():
            inside = [v for v in values if base ** (index - 1) < v * sign <= base ** index]
            # Some may lie on the other side of a bound, by half a bucket of the sketch.
            near = [v for v in values for bound in (index - 1, index) if abs(v * sign / base ** bound - 1) < 0.003]
            assert abs(count - len(inside)) <= len(near)


def test_timers_that_a_mapping_names_are_native_too(start_server, tmp_path):
    mapping = tmp_path / "mapping.yml"
    mapping.write_text("""
mappings:
- match: "api.*.took"
  name: took_seconds
  help: 'how "long" it took'
  labels: {path: $1}
- match: "two.units"
  name: mixed
  observer_type: summary
  summary_options: {quantiles: [{quantile: 1, error: 0}]}
""", encoding="utf-8")
    server = start_server({"prometheus": {"timer_type": "native", "mapping": mapping}})
    server.send("api.a.took:250|ms\napi.a.took:500|ms\napi.b.took:1000|ms\ntwo.units:5|h\nelse:5|ms")
    server.flush()
    messages = metric_family.parse(scrape(server, PROTOBUF).body)
    kind, said, took = messages["took_seconds"]
    assert (kind, said) == (metric_family.HISTOGRAM, 'how "long" it took')
    found = took[(("path", "a"),)]
    assert (found["count"], found["sum"], found["buckets"]) == (2, 0.75, [])
    assert sorted(c for c in found["positive"].values() if c) == [1, 1]
    assert messages["mixed"][2][()]["quantiles"] == {1: 5}
    families = openmetrics_families(scrape(server, OPENMETRICS).body)
    assert families["took_seconds"].documentation == 'how "long" it took'
    assert families["took_seconds"].type == "histogram"
    assert [s.labels["quantile"] for s in families["mixed"].samples if "quantile" in s.labels] == ["1.0"]
    exposition.parse(scrape(server, "text/plain").body)


def test_prometheus_computes_quantiles_from_native_histograms(start_server, start_prometheus):
    server = start_server({"prometheus": {"timer_type": "native"}, "flush": {"interval": "1s"}})
    prometheus = start_prometheus(server, options=["--enable-feature=native-histograms"])
    server.send("took:1|ms|#path:a")
    before = "histogram_count(took_seconds)"
    assert eventually(lambda: prometheus.query(before), 20)[0][1] == 1
    values = {"a": [1, *lognormal(20000, 0.5)], "b": lognormal(10000, 1)}
    for path, sent in values.items():
        sent = sent[1:] if path == "a" else sent
        for at in range(0, len(sent), 50):
            server.send("\n".join(f"took:{value}|ms|#path:{path}" for value in sent[at:at + 50]))
            if at % 5000 == 0:
                server.flush()
    whole = len(values["a"]) + len(values["b"])
    eventually(lambda: prometheus.value("sum(histogram_count(took_seconds))") == whole, 20, "samples are missing")
    for path, sent in values.items():
        for quantile in (0.5, 0.9, 0.99):
            value = prometheus.value(f'histogram_quantile({quantile}, took_seconds{{path="{path}"}})')
            assert value == pytest.approx(nearest_rank(sent, quantile) / 1000, rel=0.01), (path, quantile)
    both = [*values["a"], *values["b"]]
    value = prometheus.value("histogram_quantile(0.99, sum(took_seconds))")
    assert value == pytest.approx(nearest_rank(both, 0.99) / 1000, rel=0.01)
    assert prometheus.value("sum(histogram_sum(took_seconds))") == pytest.approx(sum(both) / 1000, rel=1e-9)
    # No bucket has fallen: else there were a reset, after which increases are more than was sent.
    assert prometheus.value('resets(took_seconds{path="a"}[1m])') == 0
    eventually(lambda: prometheus.query("up == 1"), 20, "no scrape is as it should be")


@pytest.mark.parametrize("timer_type", ["summary", "histogram", "native"])
def test_openmetrics_shows_the_latest_exemplar_of_a_series(start_server, timer_type):
    server = start_server({
        "prometheus": {"timer_type": timer_type, "exemplars": "true", "buckets": "0.1, 0.5", "buckets_plain": "10"},
    })
    before = time.time()
    for line in ("hits:1|c|#k:v,trace_id:old,span_id:s1", "hits:3|c|#trace_id:new,k:v,span_id:s2", "quiet:1|c",
                 "took:320|ms|#trace_id:t1", "size:11|h|#span_id:s3", "level:1|g|#trace_id:g1", "who:x|s|#trace_id:u1"):
        server.send(line)
        server.flush()
    families = openmetrics_families(scrape(server, OPENMETRICS).body)
    [hits] = families["hits"].samples
    assert (hits.labels, hits.value) == ({"k": "v"}, 4)
    assert hits.exemplar.labels == {"trace_id": "new", "span_id": "s2"} and hits.exemplar.value == 3
    assert before - 1 <= float(hits.exemplar.timestamp) <= time.time() + 1
    found = {(s.name, s.labels.get("le")): (s.exemplar.labels, s.exemplar.value)
             for family in families.values() for s in family.samples if s.exemplar}
    del found["hits_total", None]
    assert found == ({} if timer_type == "summary" else {
        ("took_seconds_bucket", "0.5"): ({"trace_id": "t1"}, 0.32),
        ("size_bucket", "+Inf"): ({"span_id": "s3"}, 11),
    })
    for name in ("level", "who"):
        assert [s.labels for s in families[name].samples] == [{}]
    plain = scrape(server, "text/plain").body
    assert "trace_id" not in str(plain)
    metric_family.parse(scrape(server, PROTOBUF).body)
    assert "error" not in promtool_check(plain)
