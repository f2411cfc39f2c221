#!/bin/sh
# Compares the compiled walker with Python while AddressSanitizer and UndefinedBehaviorSanitizer watch it.
# Usage: sanitize_walker.sh PYTHON FOLDER [PYTEST ARGUMENT ...]
set -eu

python=$1
folder=$2
shift 2
[ $# -gt 0 ] || set -- tests/core/walker tests/fuzz/test_walker.py

# a copy, so that the walker beside the sources stays as it is
rm -rf "$folder"
mkdir -p "$folder"
cp -R core backends profiles "$folder"
"$python" tools/compile_walker.py "$folder/core/dcmseal/walker/_walker.abi3.so" \
    -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
runtime=$(${CC:-cc} -print-file-name=libasan.so)
# Python itself leaks on purpose
env LD_PRELOAD="$runtime" ASAN_OPTIONS=detect_leaks=0 DCMSEAL_COMPILED=must \
    PYTHONPATH="$folder/core:$folder/backends:$folder/profiles:." \
    "$python" -m pytest -p no:cacheprovider "$@"
