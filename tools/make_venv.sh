#!/bin/sh
# Creates a virtual environment: make_venv.sh PYTHON FOLDER. PYTHON is empty if none was found.
set -eu
python=$1
folder=$2

if [ -z "$python" ]; then
    echo "dcmseal needs Python 3.11 or newer, which was not found on the PATH." >&2
    echo "Install it (https://www.python.org/downloads/), or specify its path: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is not Python 3.11 or newer; specify another: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    # On Debian and Ubuntu, these two are in a separate package.
    "$(dirname "$0")/system_packages.sh" \
        "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
"$python" -m venv --clear "$folder"
