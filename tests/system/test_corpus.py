# SPDX-License-Identifier: MIT
"""`sigmactl parse` makes of every datagram of tests/data/parse.jsonl what the servers agree on."""

import base64
import json
import os
import pathlib
import subprocess

import pytest

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "data" / "parse.jsonl"
SIGMACTL = os.environ.get("SIGMACTL_BIN", "sigmactl")
CASES = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
DIALECTS = sorted({case["dialect"] for case in CASES})


def parsed(case):
    datagram = base64.b64decode(case["in_b64"]) if "in_b64" in case else case["in"].encode()
    result = subprocess.run(
        [SIGMACTL, "parse", "--dialect", case["dialect"]],
        input=datagram, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, check=True,
    )
    return [json.loads(line) for line in result.stdout.splitlines()]


def printed(expected):
    """What a metric of the corpus is in the words of sigmactl."""
    given = {key: value for key, value in expected.items() if key not in ("type", "name_sanitized")}
    given.setdefault("tags", {})
    if expected["type"] == "event":
        given["title"] = given.pop("name")
        return {"event": given}
    if expected["type"] == "check":
        if "text" in given:
            given["message"] = given.pop("text")
        return {"service_check": given}
    given.setdefault("rate", 1)
    if expected["type"] == "g":
        given.setdefault("delta", False)
    return {**given, "type": expected["type"]}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_printed_metrics_are_those_of_the_corpus(dialect):
    wrong = []
    for case in CASES:
        if case["dialect"] != dialect:
            continue
        items = parsed(case)
        found = [item for item in items if "error" not in item]
        errors = len(items) - len(found)
        if found != [printed(one) for one in case["expect"]] or errors != case.get("expect_errors", 0):
            wrong.append((case["id"], case["standing"], case.get("in"), found, errors))
    assert wrong == []
