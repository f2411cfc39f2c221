"""Sign and verify every DICOM file in folders, in memory, and list those that cannot be signed or are not valid.

    python tools/check_real_files.py FOLDER... [--before LIST] [--write LIST]

``--write`` saves the outcome of each file by its digest. ``--before`` compares with a saved list; the exit code is then
1 if a file that was valid is no longer valid. Nothing else is written.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import dcmseal
from dcmseal.cli.run.demo_pki import write_signer
from dcmseal.errors import SealError
from dcmseal.findings import Outcome

VALID: Final = "valid"
_MAX_SIZE: Final = 64 << 20
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one file."""

    path: Path
    digest: str
    """The first digits of its SHA-256, which identify it in a saved list."""
    outcome: str
    """``valid``, or the error or findings."""


def check_file(path: Path, key: str) -> CheckResult | None:
    """Sign and verify one file; None if it is too large."""
    if path.stat().st_size > _MAX_SIZE:
        return None
    data = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = _sign_and_verify(data, key)
    return CheckResult(path, hashlib.sha256(data).hexdigest()[:_DIGITS], outcome)


def _sign_and_verify(data: bytes, key: str) -> str:
    try:
        signed = dcmseal.sign(data, key=key)
        report = dcmseal.verify(signed.data or b"", uid=signed.uid, integrity_only=True)
    except SealError as error:
        return f"{type(error).__name__}: {error}"
    if report.verdict is dcmseal.Verdict.VALID:
        return VALID
    findings = [finding for each in report.signatures for finding in each.findings]
    said = [f"{finding.code} {finding.where}".strip() for finding in findings if finding.outcome is not Outcome.PASSED]
    return f"{report.verdict.value}: {', '.join(said)}"


def iter_files(folders: Iterable[Path]) -> Iterator[Path]:
    """All files in the folders, and files that are named directly."""
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else (folder,)


def iter_results(paths: Iterable[Path]) -> Iterator[CheckResult]:
    """Sign and verify files with a throwaway key."""
    with TemporaryDirectory() as folder:
        write_signer(Path(folder))
        key = f"pem:{folder}/signer.key.pem?cert={folder}/signer.cert.pem"
        for path in paths:
            checked = check_file(path, key)
            if checked is not None:
                yield checked


def main() -> int:
    """Check the files of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--before", type=Path, help="list written by --write, to compare with")
    parser.add_argument("--write", type=Path, help="write the list to this file")
    given = parser.parse_args()
    before = dict(line.split("\t")[:2] for line in given.before.read_text().splitlines()) if given.before else {}
    kept: list[str] = []
    good = worse = 0
    for checked in iter_results(iter_files(given.folders)):
        kept.append("\t".join((checked.digest, checked.outcome, checked.path.name)))
        if checked.outcome == VALID:
            good += 1
            continue
        was_valid = before.get(checked.digest) == VALID
        worse += was_valid
        if was_valid or not given.before:
            print(f"{checked.path}: {checked.outcome}")
    if given.write:
        given.write.write_text("\n".join(kept) + "\n")
    print(f"{len(kept)} files, {good} valid" + (f", {worse} no longer so" if given.before else ""))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
