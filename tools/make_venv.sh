#!/bin/sh
# Makes a virtual environment: make_venv.sh PYTHON FOLDER. PYTHON may be empty, if none was found.
set -eu
python=$1
folder=$2

if [ -z "$python" ]; then
    echo "dcmseal needs Python 3.11 or newer, and found none on the PATH." >&2
    echo "Install one (https://www.python.org/downloads/), or name it: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is no Python 3.11 or newer; name another: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    # Debian and Ubuntu keep these two in a package of their own.
    "$(dirname "$0")/system_packages.sh" \
        "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
"$python" -m venv --clear "$folder"
