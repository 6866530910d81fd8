# SPDX-License-Identifier: MIT
"""sigmactl import: what it prints is taken by sigmad --check, and means what the other server's configuration did."""

import subprocess

import pytest

from sigmad import binary, clean_environment, sigmactl

ETSY = """/* a comment { with a brace */
{
  graphitePort: 2013
, graphiteHost: "graphite.example.com" // leading commas are usual
, port: 8225
, mgmt_port: 8226,
  backends: ["./backends/graphite", './backends/repeater', "./backends/console", "statsd-influxdb-backend",],
  flushInterval: 5000, percentThreshold: [90, 99.9, -10],
  "repeater": [{host: '10.10.10.10', port: 8125}, {host: 'observer', port: 0x22B3}],
  graphite: {legacyNamespace: false, globalPrefix: `app`, globalSuffix: require('os').hostname().split('.')[0]},
  histogram: [{metric: 'render', bins: [0.01, 1, 'inf']}, {metric: 'foo', bins: []}],
  deleteIdleStats: true, gaugesMaxTTL: 3, calculatedTimerMetrics: ['count', 'upper_percent'],
  dumpMessages: false, whatever: {a: [1, 2]},
}
"""
BRUBECK = """{"server_name": "b", "dumpfile": "./b.dump", "capacity": 15, "expire": 20, "http": ":8080",
 "backends": [{"type": "carbon", "address": "localhost", "port": 8123, "frequency": 10, "pickle": true}],
 "samplers": [{"type": "statsd", "address": "0.0.0.0", "port": 8126, "workers": 4, "multimsg": 8},
              {"type": "statsd-secure", "port": 9126}]}
"""
EXPORTER = """# the unit's line
/usr/bin/statsd_exporter --statsd.mapping-config="mapping.yml" \\
    --web.listen-address=:9105 --log.level warn --statsd.listen-tcp= --statsd.relay.address '10.0.0.1:8125' \\
    --no-statsd.parse-librato-tags --statsd.cache-size=10 --strange
"""


@pytest.fixture
def imported(tmp_path):
    """imported(text) is what is printed, which sigmad takes."""
    (tmp_path / "mapping.yml").write_text('mappings:\n- match: "a.*"\n  name: "a"\n')

    def run(text):
        (tmp_path / "other").write_text(text)
        ini = sigmactl("import", tmp_path / "other").stdout.decode()
        (tmp_path / "statsd.ini").write_text(ini)
        check = subprocess.run([binary("SIGMAD_BIN"), "--check", "-c", str(tmp_path / "statsd.ini")],
                               capture_output=True, text=True, env=clean_environment(), timeout=60, check=False)
        assert (check.returncode, "ok" in check.stdout) == (0, True), check.stderr
        return settings(ini), remarks(ini)

    return run


def settings(ini):
    """{"section.key": value}; settings of a later version, which are comments, count as well."""
    found, section = {}, ""
    for line in ini.split("\n; What has no counterpart")[0].splitlines():
        line = line.removeprefix("; not in this version: ")
        if line.startswith("["):
            section = line[1:-1]
        elif line and not line.startswith(";"):
            key, value = line.split(" =", 1)
            found[f"{section}.{key}"] = value.strip()
    return found


def remarks(ini):
    return ini.partition("\n; What has no counterpart")[2]


def test_etsy(imported):
    found, told = imported(ETSY)
    assert found == {
        "server.profile": "etsy", "server.udp": ":8225",
        "flush.interval": "5000ms", "flush.percentiles": "90, 99.9, -10",
        "graphite.address": "graphite.example.com:2013", "graphite.delete_idle": "true",
        "graphite.gauges_max_ttl": "3", "graphite.legacy_namespace": "false", "graphite.global_prefix": "app",
        "graphite.statistics": "count, upper_percent",
        'histogram "render".bins': "0.01, 1, inf", 'histogram "foo".bins': "off",
        "relay.address": "10.10.10.10:8125, observer:8883", "console.listen": ":8226",
    }
    assert "; line 10: globalSuffix: require('os').hostname().split('.')[0]: an expression" in told
    for key in ("statsd-influxdb-backend", "./backends/console", "dumpMessages", "whatever"):
        assert key in told


def test_the_servers_of_etsy_are_all_listened_on(imported):
    found, told = imported("""{servers: [
        {server: "./servers/udp", address: "127.0.0.1", port: 8125},
        {server: "./servers/udp", address: "::1", port: 8125, address_ipv6: true},
        {server: "./servers/tcp", port: 8126},
        {server: "./servers/tcp", socket: "/run/statsd.sock", socket_mod: "0660"},
        {server: "./servers/smtp"}]}""")
    assert found["server.udp"] == "127.0.0.1:8125, [::1]:8125"
    assert found["server.tcp"] == ":8126"
    assert (found["server.unix_stream"], found["server.unix_mode"]) == ("/run/statsd.sock", "0660")
    assert "smtp" in told


def test_a_backend_that_is_not_in_use_sets_nothing(imported):
    found, told = imported('{graphiteHost: "g", backends: [], repeater: [{host: "a", port: 1}]}')
    assert not {"graphite.address", "relay.address"} & set(found)
    assert "graphiteHost g" in told
    assert "repeater" in told


def test_pickle_has_its_port(imported):
    found, _ = imported('{graphiteHost: "g", graphiteProtocol: "pickle"}')
    assert (found["graphite.address"], found["graphite.protocol"]) == ("g:2004", "pickle")


def test_brubeck(imported):
    found, told = imported(BRUBECK)
    assert (found["server.udp"], found["server.workers"]) == (":8126", "4")
    assert (found["graphite.address"], found["graphite.protocol"]) == ("localhost:8123", "pickle")
    assert found["graphite.global_prefix"] == ""
    assert (found["flush.interval"], found["flush.expire_gauges"]) == ("10s", "20s")
    assert found["http.listen"] == ":8080"
    for key in ("statsd-secure", "dumpfile", "capacity", "server_name"):
        assert key in told


def test_statsd_exporter(imported):
    found, told = imported(EXPORTER)
    assert found == {
        "server.profile": "statsd_exporter", "server.udp": ":9125", "server.tcp": "off",
        "prometheus.mapping": "mapping.yml", "relay.address": "10.0.0.1:8125",
        "http.listen": ":9105", "log.level": "warning",
    }
    for flag in ("--strange", "--statsd.cache-size=10", "--statsd.parse-librato-tags=false"):
        assert flag in told


@pytest.mark.parametrize("text", ["{}", "statsd_exporter\n", '{"samplers": []}'])
def test_the_least_is_taken(imported, text):
    assert imported(text)[0]


@pytest.mark.parametrize("text, line, reason", [
    ("{\n  a: 1\n  b: 2\n}", 3, "a comma is missing"),
    ("{\n  a: [1,\n", 3, "a `]` is missing"),
    ("{\n  a: 'x\n}", 2, "a string does not end in its line"),
    ("{\n  a 1}", 2, "a key and a `:` were expected"),
    ("{a: 1}\n\nmodule", 3, "something stands behind the object"),
    ("{\na:\n}", 3, "a value is missing"),
    ("{a:" + "[" * 100, 1, "is nested too deeply"),
])
def test_faults_have_their_line(tmp_path, text, line, reason):
    (tmp_path / "config.js").write_text(text)
    done = sigmactl("import", tmp_path / "config.js", check=False)
    assert done.returncode == 1
    assert done.stderr.decode().endswith(f"config.js:{line}: {reason}\n")
    assert done.stdout == b""


@pytest.mark.parametrize("text", ["", "hello", "key = value\n", "a\0b"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "other").write_text(text)
    assert sigmactl("import", tmp_path / "other", check=False).returncode == 1
    assert sigmactl("import", tmp_path / "none", check=False).returncode == 1
    assert sigmactl("import", check=False).returncode == 2


def test_nothing_of_a_value_becomes_a_setting_of_its_own(imported):
    found, told = imported(r"""{graphiteHost: "g\n[http]\nadmin = off", title: "x\n[log]"}""")
    assert "http.admin" not in found
    assert "cannot stand in a file" in told
