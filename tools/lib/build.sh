# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# build_preset ROOT PRESET: configure and build, quiet unless it fails. Sourced after packages.sh.
# The output is kept in ROOT/build/PRESET.log.

build_preset() {
    local root=$1 preset=$2 log=$1/build/$2.log fresh=()
    mkdir -p "$root/build"
    # A build folder that was made elsewhere and copied here cannot be used again.
    if [ -f "$root/build/$preset/CMakeCache.txt" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$root/build/$preset/CMakeCache.txt"; then
        fresh=(--fresh)
    fi
    say "building: preset $preset"
    if ! (cd "$root" &&
        cmake --preset "$preset" "${fresh[@]}" &&
        cmake --build --preset "$preset" --parallel "$(nproc)") >"$log" 2>&1 </dev/null; then
        tail -n 80 "$log" >&2
        say "the build of preset $preset failed; all of its output is in $log"
        return 1
    fi
}
