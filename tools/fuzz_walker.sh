#!/bin/sh
# Fuzzes the walker by coverage, with libFuzzer and sanitizers. What it finds stays in FOLDER for the next run.
# Usage: fuzz_walker.sh PYTHON FOLDER SECONDS
set -eu

python=$1
folder=$2
seconds=$3

command -v clang >/dev/null || sh "$(dirname "$0")/system_packages.sh" clang libclang-rt-14-dev
mkdir -p "$folder/found"
PYTHONPATH=. "$python" -m tests.fuzz.native.dump_seeds "$folder/seeds"
clang -std=c11 -O2 -g -Wall -Wextra -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Icore/dcmseal/walker \
    core/dcmseal/walker/walker.c tests/fuzz/native/fuzz_walker.c -o "$folder/fuzz_walker"
"$folder/fuzz_walker" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 -artifact_prefix="$folder/crash-" \
    "$folder/found" "$folder/seeds"
