# SPDX-License-Identifier: MIT
"""What the programs are made of: the libraries they need and how they are hardened."""

import re
import subprocess

import pytest

import sigmad

needs_plain_build = pytest.mark.skipif(sigmad.SANITIZED != "", reason="sanitizers bring libraries of their own")


def dynamic_section(variable):
    command = ["readelf", "--dynamic", "--wide", sigmad.binary(variable)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@needs_plain_build
def test_sigmad_needs_libc_libm_libevent_and_inih_only():
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic_section("SIGMAD_BIN"))
    allowed = re.compile(r"lib(c|m|inih|event[a-z_]*(-2\.1)?)\.so\.\d+")
    assert [name for name in needed if not allowed.fullmatch(name)] == []


@pytest.mark.parametrize("variable", ["SIGMAD_BIN", "SIGMACTL_BIN"])
def test_programs_are_position_independent_and_bound_at_start(variable):
    section = dynamic_section(variable)
    assert re.search(r"\(FLAGS_1\).*\bNOW\b.*\bPIE\b", section)
