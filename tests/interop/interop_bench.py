"""Both implementations over files in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dcmseal
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from tests.support import reference
from tests.support.dcmsign import DcmsignResult, Dcmtk
from tests.support.pki import Pki
from tests.support.signed_files import build_signer, finding_outcomes, verify_integrity
from tests.support.truncated_reference import truncated_stream


@dataclass(frozen=True, slots=True)
class InteropBench:
    """Both implementations over files in one folder."""

    dcmtk: Dcmtk
    pki: Pki
    folder: Path

    def ours(self, data: bytes, signer: str = "rsa2048", **options: Any) -> bytes:
        """Sign with the package."""
        result = dcmseal.sign(data, signer=build_signer(self.pki[signer]), **options).data
        assert result is not None
        return result

    def theirs(self, data: bytes, signer: str = "rsa2048", **options: Any) -> bytes:
        """Sign with dcmsign."""
        source, target, identity = self.folder / "in.dcm", self.folder / "out.dcm", self.pki[signer]
        source.write_bytes(data)
        self.dcmtk.sign(source, target, identity.key_pem, identity.certificate_pem, **options)
        return target.read_bytes()

    def verification(self, data: bytes) -> DcmsignResult:
        """What dcmsign says; no signature at all is a failure."""
        path = self.folder / "verified.dcm"
        path.write_bytes(data)
        return self.dcmtk.verify(path, trust=self.pki.trust, require=["signature"])

    def assert_good(self, data: bytes, count: int = 1) -> None:
        """Both call all signatures good, and see the same ones."""
        verification, report = self.verification(data), verify_integrity(data)
        assert verification.ok, verification.text
        # dcmsign makes no difference between the object and its items
        expected = Verdict.VALID if report.is_object_signed else Verdict.NOT_ESTABLISHED
        assert report.verdict is expected, finding_outcomes(report)
        assert {each.integrity_verdict for each in report.signatures} == {Verdict.VALID}, finding_outcomes(report)
        assert finding_outcomes(report).get("mac-matches") is Outcome.PASSED
        assert sorted(each.uid for each in verification.signatures) == sorted(
            each.signature.uid for each in report.signatures
        )
        assert len(report.signatures) == count

    def assert_bad(self, data: bytes) -> None:
        assert self.verification(data).returncode == 101
        assert verify_integrity(data).verdict is Verdict.INVALID

    def remove(self, data: bytes, uid: str = "") -> bytes:
        """Remove with dcmsign."""
        source, target = self.folder / "with.dcm", self.folder / "without.dcm"
        source.write_bytes(data)
        self.dcmtk.remove(source, target, uid)
        return target.read_bytes()

    def convert(self, data: bytes, *options: str, **syntax: Any) -> bytes:
        source, target = self.folder / "before.dcm", self.folder / "after.dcm"
        source.write_bytes(data)
        self.dcmtk.convert(source, target, *options, **syntax)
        return target.read_bytes()


def is_truncated(data: bytes) -> bool:
    return bool(truncated_stream(reference.parse_file(data).dataset).lost)
