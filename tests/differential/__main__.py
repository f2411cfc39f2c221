"""The long run: many mutants, with dicomParser if node has it; files that are wrongly valid are left in a folder.

python -m tests.differential --seed 0 --count 100000 [--output FOLDER] [--base NAME] [--reader NAME]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tests.differential.mutants import iter_mutants
from tests.differential.oracle import LONG_RUN, READERS, Oracle, Reader
from tests.differential.read_node import missing
from tests.differential.signed_bases import make_bases
from tests.support.pki import Pki

_AT_ONCE = 2000


def _readers(chosen: Sequence[str] | None) -> dict[str, Reader]:
    readers = {**READERS, **LONG_RUN}
    for name, module in (("dicomParser", "dicom-parser"), ("dcmjs", "dcmjs")):
        why = missing(module)
        if why:
            print(f"without {name}: {why}", file=sys.stderr)
            del readers[name]
    return {name: reader for name, reader in readers.items() if not chosen or name in chosen}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="number of the first seed")
    parser.add_argument("--count", type=int, default=10_000, help="how many mutants")
    parser.add_argument("--output", type=Path, default=Path("differential"), help="folder for what is found")
    parser.add_argument("--base", action="append", help="name of a base; all without it")
    parser.add_argument("--reader", action="append", choices=(*READERS, *LONG_RUN), help="a reader; all without it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = make_bases(Pki(Path(folder))["rsa2048"])
        chosen = {name: base for name, base in made.items() if not given.base or name in given.base}
        readers = _readers(given.reader)
        oracle = Oracle(chosen, Path(folder), readers)
        stream = islice(iter_mutants(chosen, given.seed), given.count)
        wrong = 0
        while batch := list(islice(stream, _AT_ONCE)):
            for each in oracle.evaluate(batch):
                wrong += 1
                print(each)
                given.output.mkdir(parents=True, exist_ok=True)
                name = f"{each.mutant.base.replace(' ', '-')}-{each.mutant.seed}-{each.reader}.dcm"
                (given.output / name).write_bytes(each.mutant.data)
        print(f"{given.count} mutants, {oracle.accepted} of them valid, {wrong} of these shown otherwise than signed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
