# SPDX-License-Identifier: MIT
"""sigmactl explain: what it says of a line is what a server with the same configuration does with it."""

import json

import pytest

from sigmad import sigmactl

# The first /metrics after a flush has these as well; explain is about the line alone.
OWN = ("sigmad_", "process_")


def explain(*arguments):
    return json.loads(sigmactl("explain", "--json", *arguments, "--config", "/dev/null").stdout)


def served_names(server):
    lines = server.get("/metrics").text.splitlines()
    return sorted(line.rsplit(" ", 1)[0] for line in lines if line and line[0] != "#" and not line.startswith(OWN))


@pytest.mark.parametrize("line", [
    "api.requests:3|c|@0.1|#env:prod,az:b",
    "api.time:12:13|ms|#env:prod",
    "users:bob|s|#bare",
    "1st/gauge:+4|g",
    "h:1|h|#quantile:5",
    "a,\"b:1|c|#k:x,k:y",
    "process_x:1|d",
])
def test_names_are_those_of_a_server(server, line):
    said = explain(line)
    server.send(line)
    server.flush()
    names = served_names(server)
    rows = [row for file in said["csv"] for row in server.csv(file["file"].removesuffix(".csv"))]
    assert sorted(name for family in said["prometheus"] for name in family["samples"]) == names
    assert len(said["csv"]) == len(rows) == 1
    for column in ("metric", "tags"):
        assert said["csv"][0]["row"][column] == rows[0][column]
    assert list(said["csv"][0]["row"]) == list(rows[0])


def test_tags_are_canonical():
    said = explain("a:1|c|#z:1,b,a:2,z:0,b")
    assert said["series"] == [{"name": "a", "type": "c", "tags": {"a": "2", "b": "", "z": ["0", "1"]}}]
    assert said["csv"][0]["row"]["tags"] == "a=2;b;z=0;z=1"


@pytest.mark.parametrize("line, what, reason", [
    ("bad", "line", "no_colon"),
    (":1|c", "line", "empty_name"),
    ("a:x|c", "line", "bad_value"),
    ("a:1|c|@2", "line", "bad_rate"),
    ("a:1|zz", "line", "unknown_type"),
    ("a:1|c:x|c", "sample", "bad_value"),
    ("n" * 600 + ":1|c", "sample", "name_too_long"),
    ("a:1|c|@0.0000001", "sample", "rate_below_minimum"),
])
def test_a_refusal_has_its_reason(line, what, reason):
    refused = explain(line)["refused"]
    assert [(entry["what"], entry["reason"], entry["count"]) for entry in refused] == [(what, reason, 1)]
    assert refused[0]["why"]
    text = sigmactl("explain", line, "--config", "/dev/null").stdout.decode()
    assert f"refused     {what}: {reason}: {refused[0]['why']}\n" in text


def test_the_configuration_counts(tmp_path):
    ini = tmp_path / "statsd.ini"
    ini.write_text("[metrics]\ntags = az:b\n[csv]\ndirectory = off\n[flush]\npercentiles = 75\n")
    text = sigmactl("explain", "t:1|ms", "--config", ini).stdout.decode()
    assert "az=b" in text
    assert "csv         is off\n" in text
    assert 't_seconds{az="b",quantile="0.75"}\n' in text


def test_several_lines_and_dialects():
    text = sigmactl("explain", "a:1:2|c", "b:1|c", "--dialect", "etsy", "--config", "/dev/null").stdout.decode()
    first, second = text.split("\n\n")
    assert "refused" in first
    assert "b_total, a counter" in second


def test_bytes_that_are_not_text_are_shown_as_far_as_they_are():
    said = explain(b"a.\xff:1|c".decode(errors="surrogateescape"))
    assert said["line"] == "a.�:1|c"


@pytest.mark.parametrize("arguments", [(), ("--what",)])
def test_bad_usage_is_refused(arguments):
    assert sigmactl("explain", *arguments, check=False).returncode == 2


def test_a_wrong_configuration_is_told(tmp_path):
    ini = tmp_path / "statsd.ini"
    ini.write_text("[flush]\ninterval = no\n")
    done = sigmactl("explain", "a:1|c", "--config", ini, check=False)
    assert done.returncode == 1
    assert b"statsd.ini:2:" in done.stderr


MAPPING = """mappings:
- match: "api.*.time"
  name: "api_time"
  labels:
    route: "$1"
- match: "noise.*"
  name: "noise"
  action: drop
"""


@pytest.fixture
def mapped(tmp_path):
    (tmp_path / "mapping.yml").write_text(MAPPING)
    ini = tmp_path / "mapped.ini"
    ini.write_text("[prometheus]\nmapping = mapping.yml\n")
    return ini


def test_the_rule_that_takes_a_name_is_told(mapped):
    text = sigmactl("explain", "api.cart.time:3|ms", "--config", mapped).stdout.decode()
    assert "mapping     mapped by the rule of line 2: api.*.time\n" in text
    assert 'api_time_count{route="cart"}\n' in text
    said = json.loads(sigmactl("explain", "--json", "noise.x:1|c", "--config", mapped).stdout)
    assert said["series"][0]["mapping"] == {"outcome": "dropped", "line": 6, "match": "noise.*"}
    assert (said["prometheus"], said["csv"][0]["file"]) == ([], "counters.csv")
    text = sigmactl("explain", "other:1|c", "--config", mapped).stdout.decode()
    assert "mapping     no rule takes it\n" in text
    assert "mapping     no file is configured\n" in sigmactl("explain", "other:1|c", "--config", "/dev/null").stdout.decode()


def test_a_wrong_mapping_is_told(mapped):
    (mapped.parent / "mapping.yml").write_text("mappings:\n- match: a\n")
    done = sigmactl("explain", "a:1|c", "--config", mapped, check=False)
    assert (done.returncode, b"mapping.yml:2:" in done.stderr) == (1, True)


def test_tags_in_names_are_tags():
    said = explain("n,k=v,a=b:1|c")
    assert said["series"] == [{"name": "n", "type": "c", "tags": {"a": "b", "k": "v"}}]


def test_events_have_a_row():
    assert [file["file"] for file in explain("_e{5,4}:title|text|#k:v")["csv"]] == ["events.csv"]


def test_graphite_has_its_paths(tmp_path):
    ini = tmp_path / "statsd.ini"
    ini.write_text("[graphite]\naddress = localhost:2004\nprotocol = pickle\nlegacy_namespace = false\n"
                   "global_suffix = box\nstatistics = count, upper\n")
    said = json.loads(sigmactl("explain", "--json", "a.b:1|c|#k:v", "--config", ini).stdout)
    assert said["graphite"] == ["stats.counters.a.b.rate.box;k=v", "stats.counters.a.b.count.box;k=v"]
    text = sigmactl("explain", "t:1|ms", "--config", ini).stdout.decode()
    assert "graphite    stats.timers.t.upper.box\n" in text
    assert "graphite    is off\n" in sigmactl("explain", "t:1|ms", "--config", "/dev/null").stdout.decode()
