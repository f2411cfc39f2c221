#!/bin/sh
# Installs what the benchmark is compared with: a C++ compiler and DCMTK's headers. Installs nothing that is there.
set -eu
headers=dcmtk
command -v apt-get >/dev/null && headers=libdcmtk-dev
command -v dnf >/dev/null && headers=dcmtk-devel

packages=
command -v g++ >/dev/null || packages="g++"
echo '#include <dcmtk/dcmsign/dcsignat.h>' | g++ -E -x c++ - >/dev/null 2>&1 || packages="$packages $headers"
[ -z "$packages" ] || "$(dirname "$0")/system_packages.sh" $packages
