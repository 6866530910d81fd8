# SPDX-License-Identifier: MIT
"""Standard error may be a pipe that nobody reads: the server goes on, and says later what it could not say."""

import signal

import sigmad

FAULTS = 1500


def write_faults(server):
    """A file whose every reload logs a line a fault: the lines of one find room, those of four do not."""
    faults = "".join(f"no_such_key_of_any_section_{index} = {'x' * 50}\n" for index in range(FAULTS))
    server.ini.write_text("[flush]\n" + faults, encoding="utf-8")


def refused_reload(server):
    assert 400 <= server.request("POST", "/-/reload").status < 600


def test_nothing_stalls_while_nobody_reads_the_log(start_server):
    server = start_server({"log": {"level": "debug", "bad_lines": "1000/s"}, "flush": {"interval": "50ms"}})
    server.hold_log()
    for _ in range(50):
        server.send("a:1|c\nrefused:oops|c")
        server.flush()
    reloads = 4
    write_faults(server)
    for _ in range(reloads):
        refused_reload(server)
    assert server.get("/-/ready").status == 200
    server.flush()
    assert server.metrics().value("a_total") == 50
    server.release_log()
    server.wait_for_log(msg="log lines lost")
    server.stop()
    written = len(server.log_lines(msg="refused")) + len(server.log_lines(msg="configuration refused"))
    lost = sum(int(line["count"]) for line in server.log_lines(msg="log lines lost"))
    assert lost > 0
    assert written + lost >= reloads * FAULTS
    assert server.log_lines(msg="stopped")


def test_the_end_does_not_wait_for_who_does_not_read(server):
    server.send("a:3|c")
    server.hold_log()
    write_faults(server)
    refused_reload(server)
    server.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=sigmad.STOP_SECONDS) == 0
    assert server.csv("counters")[0]["count"] == "3"


def test_every_line_before_the_end_is_written(server):
    write_faults(server)
    refused_reload(server)
    server.stop()
    assert len(server.log_lines(msg="configuration refused")) == FAULTS
    assert "msg=stopped" in server.log.splitlines()[-1]
