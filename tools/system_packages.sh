#!/bin/sh
# Installs what the tests need and pip cannot install: DCMTK (dcmsign), SoftHSM and Chromium, or the packages given as
# arguments. Skips what is already installed. Uses apt-get, dnf or brew.
set -eu

fail() {
    echo "tools/system_packages.sh: $1." >&2
    echo "Install these packages yourself, then run make again: $packages" >&2
    exit 1
}

# the names that tests/support/browser.py looks for
has_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null && return
    done
    [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] ||
        [ -x "/Applications/Chromium.app/Contents/MacOS/Chromium" ]
}

packages="$*"
softhsm=softhsm
if command -v apt-get >/dev/null; then
    manager=apt-get
    softhsm=softhsm2
elif command -v dnf >/dev/null; then
    manager=dnf
else
    manager=brew
fi
if [ $# -eq 0 ]; then
    command -v dcmsign >/dev/null || packages="dcmtk"
    command -v softhsm2-util >/dev/null || packages="$packages $softhsm"
    has_browser || packages="$packages chromium"
fi
[ -n "$packages" ] || exit 0

command -v $manager >/dev/null || fail "apt-get, dnf and brew were not found"
as_root=""
if [ $manager != brew ] && [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "$manager needs root, and sudo is not installed"
    as_root=sudo
    [ -t 0 ] || as_root="sudo -n" # without a terminal, nobody can enter a password
fi

echo "Installing $packages"
# shellcheck disable=SC2086 # $packages and $as_root are lists of words
case $manager in
    apt-get)
        $as_root apt-get update -qq || fail "apt-get update failed"
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qqy $packages || fail "apt-get install failed"
        ;;
    dnf) $as_root dnf install -qy $packages || fail "dnf install failed" ;;
    brew) brew install --quiet $packages || fail "brew install failed" ;;
esac
