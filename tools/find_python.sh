#!/bin/sh
# Prints the newest Python on the PATH that dcmseal supports, or nothing.
for python in python3.14 python3.13 python3.12 python3.11 python3 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        command -v "$python"
        exit 0
    fi
done
exit 1
