#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# coverage.sh BUILD_FOLDER: what the tests run so far in this folder (preset coverage) covered, a line a file.
# The profiles of unit programs and of the servers that the system tests started are merged.
set -eu -o pipefail
shopt -s nullglob
root=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
cd "$1"
profiles=(profile/*.profraw)
[ ${#profiles[@]} -gt 0 ] || { echo "no profiles in $1/profile: run ctest --preset coverage first" >&2; exit 1; }
llvm-profdata merge -sparse -o all.profdata "${profiles[@]}"
programs=()
for program in sigmad sigmactl unit/test_* fuzz/fuzz_*; do
    [ ! -x "$program" ] || programs+=(-object "$program")
done
# The first program is an argument of its own, without -object.
llvm-cov report -instr-profile=all.profdata "${programs[@]:1}" \
    "$root/proto" "$root/config" "$root/server" "$root/tools/sigmactl"
