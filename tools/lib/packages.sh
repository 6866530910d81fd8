# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Debian packages for tools/run and tools/test. Sourced. Only what is missing is installed, so that a second run
# asks the network for nothing.

build_packages=(gcc libc6-dev cmake ninja-build pkg-config libevent-dev libinih-dev libxxhash-dev zlib1g-dev
    libjansson-dev libyaml-dev libpcre2-dev libcurl4-openssl-dev libsnappy-dev
    libgoogle-perftools-dev)
test_packages=(libcmocka-dev python3 python3-pytest python3-prometheus-client google-perftools)
client_packages=(python3-statsd python3-aiodogstatsd libnet-statsd-perl perl ruby-statsd systemd)
browser_packages=(chromium)
lint_packages=(clang llvm libclang-rt-14-dev clang-format clang-tidy)

say() {
    printf '%s\n' "$*" >&2
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "root or sudo is needed for: $*"
        return 1
    fi
}

# Quiet unless it fails: then everything it said is shown.
apt_get() {
    local output status=0
    output=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=300 -o APT::Install-Recommends=false "$@" </dev/null 2>&1) || status=$?
    [ $status -eq 0 ] || say "$output"
    return $status
}

# The lists are fetched at most once a run.
apt_lists_fetched=false
apt_update_once() {
    if ! $apt_lists_fetched; then
        apt_get update || return 1
        apt_lists_fetched=true
    fi
}

package_is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages PACKAGE...
install_packages() {
    local package missing=()
    for package in "$@"; do
        package_is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing: ${missing[*]}"
    apt_update_once || say "the package lists could not be refreshed; trying with those at hand"
    apt_get install "${missing[@]}"
}
