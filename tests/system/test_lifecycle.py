# SPDX-License-Identifier: MIT
"""Start, refusal to start, reload, stop, and what a crash leaves behind."""

import gzip
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

import sigmad
from partners import free_port
from sigmad import Server, StartFailed, binary, clean_environment, eventually, ini_text, merged

ROOT = Path(__file__).resolve().parents[2]


def run_sigmad(*arguments, folder, environment=None):
    """Runs sigmad to its end."""
    return subprocess.run(
        [binary("SIGMAD_BIN"), *map(str, arguments)], cwd=folder, env=clean_environment(**(environment or {})),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=sigmad.STOP_SECONDS, check=False,
    )


def configuration(**sections):
    return ini_text(merged(sigmad.DEFAULTS, sections))


# The command line.


def test_version_and_help(tmp_path):
    version = run_sigmad("--version", folder=tmp_path)
    assert (version.returncode, version.stderr) == (0, "")
    assert re.fullmatch(r"sigmad \d+\.\d+\.\d+\n", version.stdout)
    usage = run_sigmad("--help", folder=tmp_path)
    assert (usage.returncode, usage.stderr) == (0, "")
    assert all(option in usage.stdout for option in ("-c", "--set", "--check", "--version", "--help"))


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["-c"], ["stray"], ["--set"], ["--check", "stray"], ["-x"], ["--set", "nonsense"],
                  ["--set", "flush.interval"], ["--set", "flush.intervall=1s"], ["--set", "=1"]],
)
def test_bad_usage_exits_2(tmp_path, arguments):
    done = run_sigmad(*arguments, folder=tmp_path)
    assert done.returncode == 2 and done.stderr != "" and done.stdout == ""


def test_a_missing_file_exits_2(tmp_path):
    done = run_sigmad("-c", "missing.ini", folder=tmp_path)
    assert done.returncode == 2 and "missing.ini" in done.stderr


def test_check_lists_every_fault_with_its_line(tmp_path):
    (tmp_path / "faulty.ini").write_text(
        "[server]\n"
        "udp = 127.0.0.1:99999\n"
        "wrokers = 2\n"
        "\n"
        "[flsh]\n"
        "interval = 10s\n"
        "[flush]\n"
        "interval = ten\n"
        "interval = 5s\n"
        "percentiles = 50, 101\n"
        "[limits]\n"
        "max_series = -1\n"
        "[csv\n"
        "mode = 999\n",
        encoding="utf-8",
    )
    done = run_sigmad("--check", "-c", "faulty.ini", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    found = {int(re.match(r"faulty\.ini:(\d+): .", line).group(1)) for line in lines}
    assert {2, 3, 5, 8, 9, 10, 12, 13} <= found
    text = {int(line.split(":")[1]): line for line in lines}
    assert "workers" in text[3] and "flush" in text[5]
    assert [int(line.split(":")[1]) for line in lines] == sorted(int(line.split(":")[1]) for line in lines)


def test_a_faulty_file_does_not_start(tmp_path):
    with pytest.raises(StartFailed) as failed:
        Server(tmp_path / "faulty", "[server]\nudp = nowhere\n[http]\nlisten = 127.0.0.1:0\n")
    assert failed.value.status == 2
    assert re.search(r"statsd\.ini:2: ", failed.value.log)
    assert not (tmp_path / "faulty" / "data").exists()


def test_check_of_a_sound_file_only_checks(tmp_path):
    (tmp_path / "sound.ini").write_text(configuration(), encoding="utf-8")
    done = run_sigmad("--check", "-c", "sound.ini", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "data").exists()


def test_the_shipped_file_is_sound_and_is_what_the_server_documents(tmp_path):
    shipped = ROOT / "statsd.ini"
    assert run_sigmad("--check", "-c", shipped, folder=tmp_path).returncode == 0
    assert run_sigmad("--document", folder=tmp_path).stdout == shipped.read_text(encoding="utf-8")


def test_without_c_the_file_of_the_current_folder_is_read(tmp_path):
    (tmp_path / "statsd.ini").write_text("[flush]\ninterval = never\n", encoding="utf-8")
    done = run_sigmad("--check", folder=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("statsd.ini:2: ")


# Where settings come from.


def test_set_wins_over_the_environment_which_wins_over_the_file(start_server):
    def percentiles(**options):
        server = start_server({"flush": {"percentiles": "10"}}, **options)
        header = (server.data / "timers.csv").read_text(encoding="utf-8").splitlines()[0]
        server.stop()
        return header.split("stddev,")[1]

    assert percentiles() == "p10"
    assert percentiles(environment={"SIGMAD_FLUSH_PERCENTILES": "20"}) == "p20"
    assert percentiles(
        environment={"SIGMAD_FLUSH_PERCENTILES": "20"}, overrides={"flush.percentiles": "30, 40"}
    ) == "p30,p40"


def test_faults_of_the_environment_and_of_set_are_named(tmp_path):
    done = run_sigmad(
        "--check", "--set", "flush.interval=soon", "--set", "limits.max_seris=1", folder=tmp_path,
        environment={"SIGMAD_SERVER_WORKERS": "many"},
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 3
    assert all(word in done.stderr for word in ("flush.interval", "max_series", "SIGMAD_SERVER_WORKERS"))


def test_a_variable_that_names_no_key_is_ignored_with_one_log_line(start_server):
    """Kubernetes sets such for a service called sigmad."""
    server = start_server(environment={"SIGMAD_SERVICE_HOST": "10.0.0.1", "SIGMAD_PORT": "tcp://10.0.0.1:8125"})
    for variable in ("SIGMAD_SERVICE_HOST", "SIGMAD_PORT"):
        assert len([line for line in server.log.splitlines() if variable in line]) == 1


def test_paths_of_the_file_are_from_its_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    server = Server(tmp_path / "conf", {"csv": {"directory": "rows/here"}})
    try:
        assert (tmp_path / "conf" / "rows" / "here" / "counters.csv").exists()
        server.stop()
    finally:
        server.kill()


# Two servers.


def test_a_second_server_on_the_port_is_refused_and_told_who_holds_it(start_server, tmp_path):
    server = start_server({"server": {"workers": 2}})
    with pytest.raises(StartFailed) as failed:
        Server(tmp_path / "second", {"server": {"udp": server.target, "workers": 2}})
    assert failed.value.status == 1
    assert server.target in failed.value.log and str(server.pid) in failed.value.log
    server.send("a:1|c")
    server.flush()
    assert server.metrics().value("a_total") == 1


def test_a_second_server_on_the_http_port_is_refused(start_server, tmp_path):
    server = start_server()
    with pytest.raises(StartFailed) as failed:
        Server(tmp_path / "second", {"http": {"listen": f"127.0.0.1:{server.http[1]}"}})
    assert failed.value.status == 1 and str(server.http[1]) in failed.value.log


def test_a_second_server_on_the_directory_is_refused_and_told_who_holds_it(start_server, tmp_path):
    server = start_server()
    with pytest.raises(StartFailed) as failed:
        Server(tmp_path / "second", {"csv": {"directory": str(server.data)}})
    assert failed.value.status == 1
    assert str(server.data) in failed.value.log and str(server.pid) in failed.value.log
    server.stop()
    after = start_server({"csv": {"directory": str(server.data)}})
    assert after.get("/-/ready").status == 200


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StartFailed) as failed:
        Server(tmp_path / "server", {"csv": {"directory": str(tmp_path / "file" / "data")}})
    assert failed.value.status == 1 and str(tmp_path / "file") in failed.value.log


# Addresses.


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


@pytest.mark.parametrize("workers", [1, 3])
def test_several_addresses_feed_the_same_series(start_server, workers):
    addresses = ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0"] + (["[::1]:0"] if has_ipv6() else [])
    server = start_server({
        "server": {"udp": ", ".join(addresses), "workers": workers}, "http": {"listen": "127.0.0.1:0, 127.0.0.1:0"},
    })
    assert len(server.addresses["udp"]) == len(addresses) == len(set(server.addresses["udp"]))
    assert len(server.addresses["http"]) == 2
    for address in server.addresses["udp"]:
        for _ in range(50):
            server.send("a:1|c", to=address)
    server.flush()
    assert server.metrics().value("a_total") == 50 * len(addresses)
    server.addresses["http"].reverse()
    assert server.metrics().value("a_total") == 50 * len(addresses)


@needs_ipv6
def test_ipv6(start_server):
    server = start_server({"server": {"udp": "[::1]:0"}, "http": {"listen": "[::1]:0"}})
    assert server.udp[0] == server.http[0] == "::1"
    server.send("a:1|c\nbad")
    server.flush()
    assert server.metrics().value("a_total") == 1
    port = server.socket_to(server.udp).getsockname()[1]
    assert server.wait_for_log(msg="refused")["from"] == f"[::1]:{port}"


def test_udp_and_http_can_be_off(start_server, tmp_path):
    server = start_server({"server": {"udp": ""}})
    assert server.wait_for_log(msg="ready")["udp"] == "off"
    assert server.get("/-/ready").status == 200
    other = start_server({"http": {"listen": "off"}, "flush": {"interval": "200ms"}, "csv": {"directory": "data"}})
    assert other.wait_for_log(msg="ready")["http"] == "off"
    other.send("a:1|c")
    eventually(lambda: other.csv("counters"))


def test_csv_can_be_off(start_server):
    server = start_server({"csv": {"directory": "off"}})
    server.send("a:1|c")
    server.flush()
    assert server.metrics().value("a_total") == 1
    assert not server.data.exists()


def test_a_receive_buffer_smaller_than_asked_for_is_logged_with_its_remedy(start_server):
    server = start_server({"server": {"receive_buffer": "1GiB"}})
    [line] = server.log_lines(msg="receive buffer smaller than asked for")
    assert int(line["granted"]) < int(line["asked"]) == 1 << 30
    assert "net.core.rmem_max" in line["remedy"]
    quiet = start_server({"server": {"receive_buffer": "64KiB"}})
    assert quiet.log_lines(msg="receive buffer smaller than asked for") == []


# Reload.


def rewrite(server, **sections):
    server.ini.write_text(configuration(**sections), encoding="utf-8")


def reload_by_signal(server):
    before = len(server.log_lines(msg="reloaded")) + len(server.log_lines(msg="not reloaded"))
    server.send_signal(signal.SIGHUP)
    eventually(lambda: len(server.log_lines(msg="reloaded")) + len(server.log_lines(msg="not reloaded")) > before)


def test_sighup_takes_over_a_good_file(server):
    rewrite(server, flush={"interval": "100ms", "expire_gauges": "200ms"}, csv={"mode": "0600"})
    reload_by_signal(server)
    server.send("g:1|g")
    server.flush()
    # Windows now come by themselves, the gauge goes, and new files have the new mode.
    eventually(lambda: server.metrics().value("sigmad_windows_closed_total") > 3)
    eventually(lambda: "g" not in server.metrics())
    os.rename(server.data / "gauges.csv", server.data / "gauges.old")
    server.send("g:2|g")
    server.flush()
    assert (server.data / "gauges.csv").stat().st_mode & 0o777 == 0o600
    assert len(server.log_lines(msg="reloaded")) == 1 and server.log_lines(msg="changes that take a restart") == []


def test_sighup_with_a_bad_file_changes_nothing_and_says_why(server):
    server.ini.write_text("[flush]\npercentiles = 25\ninterval = never\n[nonsense]\nx = 1\n", encoding="utf-8")
    reload_by_signal(server)
    refused = server.log_lines(msg="configuration refused")
    assert [line["fault"].split(": ")[0].rsplit(":", 1)[1] for line in refused] == ["3", "4"]
    server.send("t:1|ms")
    server.flush()
    assert len(server.snapshot()["timers"][0]["percentiles"]) == 5
    answer = server.request("POST", "/-/reload")
    assert 400 <= answer.status < 600 and "interval" in answer.text
    assert server.get("/-/healthy").status == 200


def test_reload_over_http(server):
    rewrite(server, flush={"interval": "100ms"})
    assert server.request("POST", "/-/reload").status == 200
    server.flush()
    eventually(lambda: server.metrics().value("sigmad_windows_closed_total") > 3)


def test_reloads_may_follow_one_another_within_a_window(server):
    for hours in range(1, 30):
        rewrite(server, flush={"interval": f"{hours % 20 + 1}h"})
        answer = server.request("POST", "/-/reload")
        assert answer.status == 200, answer.text
        if hours % 7 == 0:
            server.flush()
    rewrite(server, flush={"interval": "100ms"})
    assert server.request("POST", "/-/reload").status == 200
    server.flush()
    eventually(lambda: server.metrics().value("sigmad_windows_closed_total") > 10)


def test_a_reload_names_what_takes_a_restart_and_keeps_it(server):
    rewrite(server, limits={"max_series": "7"}, flush={"percentiles": "50"}, log={"level": "debug"})
    reload_by_signal(server)
    [line] = server.log_lines(msg="changes that take a restart")
    assert set(line["keys"].split(",")) == {"limits.max_series", "flush.percentiles"}
    for index in range(20):
        server.send(f"n{index}:1|c")
    server.flush()
    assert server.metrics().total("sigmad_series") == 20


def test_overrides_survive_a_reload(start_server):
    server = start_server(overrides={"csv.mode": "0600"})
    rewrite(server, csv={"mode": "0644"})
    reload_by_signal(server)
    (server.data / "counters.csv").unlink()
    server.send("a:1|c")
    server.flush()
    assert (server.data / "counters.csv").stat().st_mode & 0o777 == 0o600


def test_many_reloads_under_load_lose_nothing(start_server):
    server = start_server({"flush": {"interval": "50ms"}, "prometheus": {"max_age": "0"}})
    done = threading.Event()
    sent = 0

    def hang_up():
        while not done.wait(0.005):
            server.send_signal(signal.SIGHUP)

    thread = threading.Thread(target=hang_up)
    thread.start()
    try:
        while sent < 20_000:
            server.send("a:1|c\nt:1|ms")
            sent += 1
            if sent % 1000 == 0:
                server.metrics()
    finally:
        done.set()
        thread.join()
    server.flush()
    assert sum(int(row["count"]) for row in server.csv("counters")) == sent
    assert server.balance()["datagrams"]["dropped_by_kernel"] == 0


# Files.


def test_logrotate_may_move_a_file_away(server):
    server.send("a:1|c")
    server.flush()
    os.rename(server.data / "counters.csv", server.data / "counters.csv.1")
    reload_by_signal(server)
    server.send("a:2|c")
    server.flush()
    moved = (server.data / "counters.csv.1").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[3] for line in moved] == ["count", "1"]
    assert [row["count"] for row in server.csv("counters")] == ["2"]


def test_a_file_that_was_deleted_is_made_again(server):
    server.send("a:1|c")
    server.flush()
    (server.data / "counters.csv").unlink()
    server.send("a:2|c")
    server.flush()
    assert [row["count"] for row in server.csv("counters")] == ["2"]


def test_tail_f_sees_every_row(server):
    with subprocess.Popen(
        ["tail", "-n", "+1", "-F", str(server.data / "counters.csv")], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as tail:
        try:
            assert tail.stdout.readline().startswith("timestamp,")
            for count in range(1, 6):
                server.send(f"a:{count}|c")
                server.flush()
                assert tail.stdout.readline().split(",")[1:4] == ["a", "", str(count)]
        finally:
            tail.kill()


def test_files_have_the_mode_asked_for(start_server):
    server = start_server({"csv": {"mode": "0604"}})
    for path in server.data.glob("*.csv"):
        assert path.stat().st_mode & 0o777 == 0o604


# The end.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_window_to_every_output(server, number):
    server.send("a:3|c\ng:4|g\nt:5|ms\ns:6|s")
    server.stop(number)
    assert server.csv("counters")[0]["count"] == "3" and server.csv("gauges")[0]["value"] == "4"
    assert server.csv("timers")[0]["sum"] == "5" and server.csv("sets")[0]["unique"] == "1"
    stopped = server.log_lines(msg="stopped")[0]
    assert (stopped["samples_received"], stopped["samples_stored"]) == ("4", "4")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_that_come_while_it_ends_change_nothing(server, number):
    server.send("a:3|c")
    server.send_signal(signal.SIGTERM)
    while server.process.poll() is None:
        server.send_signal(number)
    server.stop()
    assert server.csv("counters")[0]["count"] == "3"


def test_an_idle_server_stops_at_once_and_leaves_nothing_running(server):
    server.stop()
    assert server.csv("counters") == []


def test_a_port_is_free_again_after_the_end(start_server):
    udp, http = (f"127.0.0.1:{free_port()}" for _ in range(2))
    config = {"server": {"udp": udp, "workers": 2}, "http": {"listen": http}}
    server = start_server(config)
    server.send("a:1|c")
    server.stop()
    again = start_server(config)
    assert again.udp == server.udp and again.http == server.http


def test_a_torn_last_line_after_a_crash_is_repaired(start_server):
    server = start_server()
    server.send("a:1|c\nt:1|ms")
    server.flush()
    server.send_signal(signal.SIGKILL)
    server.process.wait()
    server.kill()
    whole = (server.data / "counters.csv").read_bytes()
    with (server.data / "counters.csv").open("ab") as file:
        file.write(b'1795229853,"torn')
    with (server.data / "timers.csv").open("ab") as file:
        file.write(b"1795229853.684,t,,m")
    after = start_server(folder=server.folder)
    assert (after.data / "counters.csv").read_bytes() == whole
    after.send("a:2|c")
    after.flush()
    assert [row["count"] for row in after.csv("counters")] == ["1", "2"]
    assert len(after.csv("timers")) == 1
    first, second = (float(row["timestamp"]) for row in after.csv("counters"))
    assert first < second


def test_a_killed_server_has_written_every_flushed_window(start_server):
    server = start_server()
    for count in range(1, 20):
        server.send(f"a:{count}|c")
        server.flush()
    server.send_signal(signal.SIGKILL)
    server.process.wait()
    assert [row["count"] for row in server.csv("counters")] == [str(count) for count in range(1, 20)]
    server.kill()


def test_a_restart_appends(start_server):
    first = start_server()
    first.send("a:1|c")
    first.stop()
    second = start_server(folder=first.folder)
    second.send("a:2|c")
    second.stop()
    assert [row["count"] for row in second.csv("counters")] == ["1", "2"]
    assert not list(second.data.glob("counters-*"))


def test_other_percentiles_after_a_restart_begin_a_new_file(start_server):
    first = start_server()
    first.send("t:1|ms")
    first.stop()
    second = start_server({"flush": {"percentiles": "50"}}, folder=first.folder)
    second.send("t:2|ms")
    second.flush()
    assert [(row["sum"], "p99" in row) for row in second.csv("timers")] == [("2", False)]
    assert eventually(lambda: list(second.data.glob("timers-*.csv.gz")))
