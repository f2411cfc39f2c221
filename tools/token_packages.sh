#!/bin/sh
# Installs what make test-tokens needs in addition to the other tests: PKCS #11 modules of several vendors, and software
# that emulates their hardware. Skips what is already installed. Debian and its derivatives only: other systems lack
# some of the packages.
set -eu

PACKAGES="dbus libsofthsm2 libtpm2-pkcs11-1 libtpm2-pkcs11-tools libtss2-tcti-tabrmd0 opencryptoki opensc opensc-pkcs11 p11-kit
p11-kit-modules pcscd softhsm2 swtpm tpm2-abrmd tpm2-tools vsmartcard-vpcd"

if ! command -v dpkg-query >/dev/null; then
    echo "tools/token_packages.sh: make test-tokens needs Debian or a derivative; run it in a container." >&2
    exit 1
fi
missing=""
for package in $PACKAGES; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # $missing is a list of words
sh "$(dirname "$0")/system_packages.sh" $missing
