#!/bin/sh
# Installs DICOM readers that run on Node.js into the folder given as argument, for make fuzz. Does nothing without npm.
set -eu

if ! command -v npm >/dev/null; then
    echo "tools/node_readers.sh: npm is not installed; continuing without dicomParser and dcmjs" >&2
    exit 0
fi
[ -d "$1/node_modules/dicom-parser" ] && [ -d "$1/node_modules/dcmjs" ] && exit 0
mkdir -p "$1"
npm install --silent --no-fund --no-audit --prefix "$1" dicom-parser@1.8.21 dcmjs@0.51.1 ||
    echo "tools/node_readers.sh: npm cannot install dicom-parser and dcmjs; continuing without them" >&2
