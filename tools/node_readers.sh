#!/bin/sh
# Installs readers of DICOM that run on node into the folder named as argument, for make fuzz. Without npm nothing is done.
set -eu

if ! command -v npm >/dev/null; then
    echo "tools/node_readers.sh: there is no npm, so dicomParser and dcmjs will not be asked" >&2
    exit 0
fi
[ -d "$1/node_modules/dicom-parser" ] && [ -d "$1/node_modules/dcmjs" ] && exit 0
mkdir -p "$1"
npm install --silent --no-fund --no-audit --prefix "$1" dicom-parser@1.8.21 dcmjs@0.51.1 ||
    echo "tools/node_readers.sh: npm cannot install dicom-parser and dcmjs, so they will not be asked" >&2
