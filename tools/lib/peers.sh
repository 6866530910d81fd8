# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The servers that tools/bench --peers measures sigmad against, put below ROOT/build/peers without starting any
# service: collectd and netdata from Debian, unpacked and not installed; etsy statsd from npm by lock file. A peer
# that cannot be had leaves the reason in PEER.absent, which the report shows. Sourced after partners.sh.

# Shared libraries that the unpacked programs and the collectd plugins we load need; no service among them.
peer_libraries=(libuv1 libmnl0 libnetfilter-acct1 libjson-c5 liblz4-1 libuuid1 libssl3 libcap2)

# unpack_package PACKAGE FOLDER: the Debian package's files below FOLDER, once.
unpack_package() {
    local package=$1 folder=$2 fetched status=0
    [ ! -e "$folder/.complete" ] || return 0
    say "fetching: $package"
    rm -rf "$folder"
    mkdir -p "$folder"
    fetched=$(mktemp -d "$folder/fetch.XXXXXX")
    download_package "$package" "$fetched" && dpkg-deb -x "$fetched/$package"_*.deb "$folder" || status=1
    rm -rf "$fetched"
    [ $status -ne 0 ] || touch "$folder/.complete"
    return $status
}

# has_libraries FILE...: every shared library of these is there.
has_libraries() {
    local file
    for file in "$@"; do
        ! ldd "$file" 2>/dev/null | grep -q 'not found' || return 1
    done
}

# unpack_peer PEER PACKAGE FOLDER FILE...: FILEs are below FOLDER and must find their libraries.
unpack_peer() {
    local peer=$1 package=$2 folder=$3 file files=()
    shift 3
    rm -f "$folder.absent"
    for file in "$@"; do
        files+=("$folder/$file")
    done
    if ! unpack_package "$package" "$folder"; then
        echo "the Debian package $package could not be fetched" >"$folder.absent"
    elif ! has_libraries "${files[@]}" && ! { install_packages "${peer_libraries[@]}" && has_libraries "${files[@]}"; }; then
        echo "shared libraries that it needs are missing" >"$folder.absent"
    fi
    [ ! -e "$folder.absent" ] || say "$peer: $(cat "$folder.absent")"
}

# install_peers ROOT: never fails, a peer may be absent.
install_peers() {
    local folder=$1/build/peers
    mkdir -p "$folder"
    unpack_peer collectd collectd-core "$folder/collectd" \
        usr/sbin/collectd usr/lib/collectd/statsd.so usr/lib/collectd/write_graphite.so
    unpack_peer netdata netdata-core "$folder/netdata" usr/sbin/netdata
    rm -f "$folder/etsy.absent"
    if ! fetch_node_clients "$1/tests/bench/peers" "$folder/etsy"; then
        echo "the npm package statsd could not be fetched" >"$folder/etsy.absent"
        say "etsy statsd: $(cat "$folder/etsy.absent")"
    fi
}
