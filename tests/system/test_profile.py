# SPDX-License-Identifier: MIT
"""/debug/pprof/ and sigmactl profile; Debian's google-pprof reads the profiles and names functions of sigmad."""

import contextlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import threading
import xml.etree.ElementTree as ElementTree

import pytest
from sigmad import PATIENCE, SANITIZED, binary, clean_environment, eventually, sigmactl

# A sanitizer's runtime has its own malloc(), which libtcmalloc cannot take the place of; and it stands in the way of
# a signal that interrupts it at any instruction to walk the stack (tsan defers it, asan's stacks end in its runtime).
pytestmark = pytest.mark.skipif(bool(SANITIZED), reason="profilers and sanitizers want the same hooks")

ON = {"profiling": {"enabled": "true", "frequency": "500"}}
HEAP = {"profiling": {"enabled": "true", "heap": "true"}}


@contextlib.contextmanager
def load_on(server):
    """Traffic for as long as the block lasts."""
    over = threading.Event()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(server.udp)
            number = 0
            while not over.is_set():
                number += 1
                lines = [f"load.{(number * 40 + i) % 2000}:{i}.5|ms" for i in range(40)]
                with contextlib.suppress(ConnectionError):
                    sender.send("\n".join(lines).encode())

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def pprof(folder, source):
    done = subprocess.run(
        ["google-pprof", "--text", *([binary("SIGMAD_BIN")] if not str(source).startswith("http") else []), source],
        capture_output=True, timeout=60, check=False, cwd=folder,
        env=clean_environment(PPROF_TMPDIR=str(folder), HOME=str(folder)),
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def address(server):
    return "{}:{}".format(*server.http)


def test_off_there_is_no_profile_and_no_profiler(start_server):
    server = start_server()
    for path in ("profile", "heap", "symbol", "cmdline", "session"):
        answer = server.get(f"/debug/pprof/{path}")
        assert answer.status == 503 and "[profiling]" in answer.text
    with open(f"/proc/{server.pid}/maps", encoding="utf-8") as maps:
        assert "profile" not in maps.read()


def test_pprof_reads_the_cpu_profile(start_server, tmp_path):
    server = start_server(ON)
    raw = tmp_path / "cpu.prof"

    def text_of_profile():
        with load_on(server):
            sigmactl("profile", "--server", address(server), "--seconds", 2, "--raw", raw)
        return pprof(tmp_path, raw)

    # Nothing is said of a server to which a busy machine gave no time.
    text = eventually(text_of_profile, 40)
    assert re.search(r"Total: [1-9]\d* samples", text)
    assert "store_group" in text or "intake_take_lines" in text or "on_turn" in text, text


def test_a_flame_graph_names_static_functions(start_server, tmp_path):
    server = start_server(ON)
    picture = tmp_path / "cpu.svg"
    lines = []

    def names_what_the_worker_does():
        with load_on(server):
            folded = sigmactl("profile", "--server", address(server), "--seconds", 2, "-o", picture, "--folded")
        lines[:] = folded.stdout.decode().splitlines()
        assert all(re.fullmatch(r".+ [1-9]\d*", line) for line in lines)
        return any(";run;" in line and ";on_turn;" in line for line in lines)

    # There are few samples of a server to which a busy machine gave little time.
    eventually(names_what_the_worker_does, 40, lines)
    root = ElementTree.parse(picture).getroot()
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[1].startswith("all (") and any(title.startswith("run (") for title in titles)
    total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
    assert f"({total} samples" in titles[1]


def test_pprof_reads_the_heap_of_a_url(start_server, tmp_path):
    server = start_server(HEAP)
    server.send("a.timer:1|ms")
    server.flush()
    text = pprof(tmp_path, f"http://{address(server)}/debug/pprof/heap")
    assert "registry_new" in text or "registry_resolve" in text, text
    assert "pool_take" in text
    picture = tmp_path / "heap.svg"
    sigmactl("profile", "--server", address(server), "--heap", "-o", picture)
    assert "KiB" in picture.read_text()


def test_the_heap_is_refused_where_it_was_not_asked_for(start_server):
    server = start_server(ON)
    answer = server.get("/debug/pprof/heap")
    assert answer.status == 501 and "[profiling] heap" in answer.text
    done = sigmactl("profile", "--server", address(server), "--heap", check=False)
    assert done.returncode == 1 and b"answered 501" in done.stderr


def test_programs_do_not_inherit_the_allocator(start_server, tmp_path):
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ncat > /dev/null\nenv > {tmp_path}/env.new && mv {tmp_path}/env.new {tmp_path}/env\n")
    script.chmod(0o755)
    server = start_server(HEAP | {'exec "env"': {"command": str(script)}})
    server.send("a:1|c")
    server.flush()
    env = eventually(lambda: (tmp_path / "env").exists() and (tmp_path / "env").read_text())
    assert "LD_PRELOAD" not in env and "HEAP_PROFILE" not in env


@pytest.mark.parametrize("seconds", ["0", "301", "-1", "x", "1.5", ""])
def test_seconds_have_bounds(start_server, seconds):
    server = start_server(ON)
    assert server.get(f"/debug/pprof/profile?seconds={seconds}").status == 400


def test_a_session_reports_time_by_thread_and_stage(start_server):
    server = start_server(ON)
    assert server.request("POST", "/debug/pprof/stop").status == 409
    assert server.request("POST", "/debug/pprof/start?seconds=60").status == 200
    again = server.get("/debug/pprof/profile?seconds=1")
    assert again.status == 409 and "one at a time" in again.text
    with load_on(server):
        for _ in range(5):
            server.flush()
    report = server.request("POST", "/debug/pprof/stop").json()
    names = {thread["name"] for thread in report["threads"]}
    assert {"worker-0", "flusher", "csv"} <= names
    assert sum(thread["share"] for thread in report["threads"]) == pytest.approx(1) or report["cpu_seconds"] == 0
    assert report["windows"] >= 1
    assert {"collect", "derive", "publish"} <= {stage["stage"] for stage in report["flush"]}
    session = server.get("/debug/pprof/session")
    assert session.status == 200 and len(session.body) == report["profile_bytes"]


def test_a_client_that_goes_away_ends_its_session(start_server):
    server = start_server(ON)
    connection = http.client.HTTPConnection(*server.http)
    connection.request("GET", "/debug/pprof/profile?seconds=300")
    eventually(lambda: server.request("POST", "/debug/pprof/start").status == 409)
    assert server.get("/-/healthy").status == 200  # the loop goes on meanwhile
    connection.close()
    eventually(lambda: server.request("POST", "/debug/pprof/start?seconds=1").status == 200)


def test_a_stop_while_a_profile_is_taken_is_clean(start_server):
    server = start_server(ON)
    connection = http.client.HTTPConnection(*server.http, timeout=30 * PATIENCE)
    connection.request("GET", "/debug/pprof/profile?seconds=300")
    eventually(lambda: server.request("POST", "/debug/pprof/start").status == 409)
    server.stop()
    with contextlib.suppress(OSError, http.client.HTTPException):
        assert connection.getresponse().status == 503
    connection.close()


def test_who_may_not_administer_may_not_profile(start_server):
    server = start_server(ON | {"http": {"listen": "127.0.0.1:0", "admin": "off"}})
    for path in ("profile", "heap", "symbol", "cmdline", "session"):
        assert server.get(f"/debug/pprof/{path}").status == 403
    assert server.request("POST", "/debug/pprof/start").status == 403


def test_hostile_questions_for_symbols_are_answered(start_server):
    server = start_server(ON)
    for query in ("zzz", "+++", "0xffffffffffffffffff+0x0", "0x1+junk+0x2", "%00"):
        assert server.get(f"/debug/pprof/symbol?{query}").status == 200
    assert server.request("POST", "/debug/pprof/symbol", body=b"\xff\x00+0x1" * 1000).status == 200


def test_the_parts_are_there():
    assert shutil.which("google-pprof"), "the package google-perftools is missing"
    assert os.path.exists(os.path.join(os.path.dirname(binary("SIGMAD_BIN")), "sigmad-profile.so"))
