#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tidy.sh BUILD_FOLDER [FILE...]: clang-tidy with the commands of BUILD_FOLDER (configured with clang) over
# these files, else over all sources outside the tests. Exits non-zero on any finding.
set -eu -o pipefail
root=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
build=$(readlink -f "$1")
shift
cd "$root"
if [ $# -eq 0 ]; then
    mapfile -t sources < <(find proto config server tools/sigmactl -name '*.c' | sort)
    set -- "${sources[@]}"
fi
printf '%s\0' "$@" | xargs -0 -r -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet
