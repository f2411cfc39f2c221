#!/bin/sh
# Analyses the walker: warnings of GCC and Clang, GCC's and Clang's static analysers, and Frama-C Eva.
# Fails on a warning of the compilers and their analysers. What Eva cannot show is counted; docs/explanation lists it.
# Usage: prove_walker.sh FOLDER
set -eu

folder=$1
mkdir -p "$folder"
walker=core/dcmseal/walker
warnings="-std=c11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wpedantic -Werror -I$walker"

missing=""
command -v gcc >/dev/null || missing="$missing gcc"
command -v clang >/dev/null || missing="$missing clang"
command -v frama-c >/dev/null || missing="$missing frama-c-base"
# shellcheck disable=SC2086 # $missing is a list of words
[ -z "$missing" ] || sh "$(dirname "$0")/system_packages.sh" $missing

# shellcheck disable=SC2086 # $warnings is a list of words
{
    echo "gcc -fanalyzer"
    gcc $warnings -fanalyzer -c $walker/walker.c -o "$folder/walker.o"
    echo "clang --analyze"
    clang $warnings -c $walker/walker.c -o "$folder/walker.o"
    clang --analyze -std=c11 -Xclang -analyzer-werror -o "$folder/walker.plist" $walker/walker.c
}

for encoding in EXPLICIT_LITTLE IMPLICIT_LITTLE EXPLICIT_BIG; do
    for function in walk_items walk_elements walk_level; do
        choice="-DFUNCTION=$function"
        [ $function != walk_level ] || choice="-DLEVEL"
        log="$folder/eva-$encoding-$function.txt"
        frama-c -machdep gcc_x86_64 -cpp-extra-args="-I$walker -DENCODING=$encoding $choice" \
            $walker/walker.c tests/fuzz/native/prove_walker.c -eva -eva-precision 3 -eva-slevel 3000 \
            -eva-domains octagon -eva-msg-key=-initial-state,-final-states >"$log"
        alarms=$(sed -n 's/^ *\([0-9]*\) alarms\{0,1\} generated.*/\1/p' "$log")
        echo "Frama-C Eva, $function, $encoding: ${alarms:-0} open, see $log"
    done
done
