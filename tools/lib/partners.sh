# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Programs that the system tests run against, put below ROOT/build/partners without starting any service:
# prometheus, promtool, alertmanager and carbon from Debian; the client hot-shots and etsy statsd from npm by lock file. Sourced after packages.sh.
# A partner that cannot be had is reported here, and the tests that need it fail.

# fetch_files FOLDER PACKAGE FILE...: files of a package, which is not installed, as that would start its service.
fetch_files() {
    local folder=$1 package=$2 fetched status=0
    shift 2
    say "fetching: $package"
    fetched=$(mktemp -d "$folder/fetch.XXXXXX")
    download_package "$package" "$fetched" &&
        dpkg-deb --fsys-tarfile "$fetched/$package"_*.deb |
        tar -x -C "$folder" "${@/#/./}" || status=1
    rm -rf "$fetched"
    return $status
}

# fetch_programs FOLDER PACKAGE PROGRAM...: those below usr/bin, unless they are there.
fetch_programs() {
    local folder=$1 package=$2 name missing=false
    shift 2
    for name in "$@"; do
        "$folder/usr/bin/$name" --version >/dev/null 2>&1 || missing=true
    done
    ! $missing || fetch_files "$folder" "$package" "${@/#/usr/bin/}"
}

# The Alertmanager reads these from where Debian has them, and nowhere else.
alertmanager_templates=(default.tmpl email.tmpl)

# fetch_alertmanager FOLDER: the program, and its templates put where it looks for them.
fetch_alertmanager() {
    local folder=$1 place=usr/share/prometheus/alertmanager name
    fetch_programs "$folder" prometheus-alertmanager prometheus-alertmanager amtool || return 1
    for name in "${alertmanager_templates[@]}"; do
        [ ! -e "/$place/$name" ] || continue
        fetch_files "$folder" prometheus-alertmanager "$place/$name" &&
            as_root install -D -m 644 "$folder/$place/$name" "/$place/$name" || return 1
    done
}

# download_package PACKAGE FOLDER: the sandbox user of apt may not be let into the folder, so it is not used.
download_package() {
    local download=(apt-get -q -o Acquire::Retries=3)
    [ "$(id -u)" -ne 0 ] || download+=(-o APT::Sandbox::User=root)
    (cd "$2" && "${download[@]}" download "$1" >&2) && return 0
    apt_update_once && (cd "$2" && "${download[@]}" download "$1" >&2)
}

# What carbon is made of, beyond what python3 has.
carbon_packages=(graphite-carbon python3-whisper python3-cachetools python3-urllib3 python3-twisted python3-automat
    python3-constantly python3-hyperlink python3-idna python3-incremental python3-zope.interface)

# fetch_carbon FOLDER: Graphite's receiver and its store, unpacked into a folder of their own.
fetch_carbon() {
    local folder=$1/carbon package fetched status=0
    [ ! -e "$folder/.complete" ] || return 0
    say "fetching: graphite-carbon"
    install_packages python3-attr python3-six python3-pkg-resources || return 1
    rm -rf "$folder"
    mkdir -p "$folder"
    fetched=$(mktemp -d "$folder/fetch.XXXXXX")
    for package in "${carbon_packages[@]}"; do
        download_package "$package" "$fetched" && dpkg-deb -x "$fetched/$package"_*.deb "$folder" || status=1
    done
    rm -rf "$fetched"
    [ $status -ne 0 ] || touch "$folder/.complete"
    return $status
}

# fetch_node_clients LOCK_FOLDER FOLDER: npm ci once for each state of the lock file.
fetch_node_clients() {
    local stamp=$2/lock.sha256
    if (cd "$1" && sha256sum --status -c "$stamp") 2>/dev/null; then
        return 0
    fi
    if ! command -v npm >/dev/null; then
        install_packages nodejs npm ca-certificates || return 1
    fi
    say "fetching: npm packages of ${1##*/}"
    rm -rf "$2" && mkdir -p "$2" && cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$2/" || return 1
    (cd "$2" && npm ci --omit=optional --ignore-scripts --no-audit --no-fund </dev/null >&2) || return 1
    (cd "$1" && sha256sum package-lock.json) >"$stamp"
}

# install_partners ROOT
install_partners() {
    local folder=$1/build/partners
    mkdir -p "$folder"
    if [ "${SIGMAD_TEST_OFFLINE:-0}" = 1 ]; then
        say "SIGMAD_TEST_OFFLINE=1: nothing is fetched, tests whose partner is missing are skipped"
        return 0
    fi
    install_packages "${client_packages[@]}" || say "not all StatsD clients could be installed"
    install_packages "${browser_packages[@]}" || say "chromium could not be installed"
    fetch_programs "$folder" prometheus prometheus promtool || say "prometheus could not be fetched"
    fetch_alertmanager "$folder" || say "prometheus-alertmanager could not be fetched"
    fetch_carbon "$folder" || say "graphite-carbon could not be fetched"
    fetch_node_clients "$1/tests/system/node" "$folder/node" || say "hot-shots and statsd could not be fetched"
}
