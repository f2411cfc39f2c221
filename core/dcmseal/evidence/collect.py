"""Collect the evidence of a verification: settings, certificates, revocation data, and digests of the signed data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import CertificateNotValid
from dcmseal.evidence.evidence_settings import build_settings
from dcmseal.mac.digest import new_digest
from dcmseal.macro.level_macs import compute_level_macs
from dcmseal.macro.levels import iter_signed_levels
from dcmseal.macro.signer_certificate import strip_der_padding
from dcmseal.model.evidence_record import EvidenceRecord, SignatureRecord, TrustMaterial
from dcmseal.model.report import SignatureReport
from dcmseal.plugins.trust import TrustResult
from dcmseal.terms import MacAlgorithm
from dcmseal.verification.instance_identity import compute_file_digest
from dcmseal.verification.signer_trust import Trust

if TYPE_CHECKING:
    from dcmseal.verification.report_builder import ReportBuilder
    from dcmseal.verification.verification_context import VerificationContext


class EvidenceCollector:
    """Collects the evidence of one verification.

    Args:
        trust: The trust to verify with.
    """

    def __init__(self, trust: Trust) -> None:
        self._material = TrustMaterial()
        # one time for the whole verification, which a replay can use again
        moment = (trust.settings.now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0)
        self._moment = moment
        self.trust = replace(trust, settings=replace(trust.settings, now=moment), on_result=self._collect)
        """Verify with this trust, so that its results are collected."""

    def _collect(self, result: TrustResult) -> None:
        chain = TrustMaterial(certificates=result.chain[:-1], anchors=result.chain[-1:])
        self._material = self._material.merge(result.material).merge(chain)

    def add_evidence(self, file: DicomFile, context: VerificationContext, report: ReportBuilder) -> None:
        """Add the collected evidence to a report.

        Args:
            file: The verified file.
            context: The options of the verification.
            report: The report to add to.

        Raises:
            DatasetError: The file cannot be read again.
        """
        signers = (_strip_padding(each.signature.certificate) for each in report.signatures)
        own = TrustMaterial(certificates=tuple(each for each in signers if each and each not in self._material.anchors))
        timestamps = dict.fromkeys(_strip_padding(each.signature.timestamp) for each in report.signatures)
        report.evidence = EvidenceRecord(
            moment=self._moment,
            settings=build_settings(self.trust.settings, context),
            file_sha256=report.file_digest or compute_file_digest(file),
            file_size=file.file.size,
            signatures=tuple(iter_signature_records(file, report.signatures)),
            material=self._material.merge(own),
            timestamp_certificates=context.timestamp.certificates,
            timestamps=tuple(each for each in timestamps if each),
        )


def iter_signature_records(file: DicomFile, signatures: Sequence[SignatureReport]) -> Iterator[SignatureRecord]:
    """Iterate over records that identify signatures, in the same order."""
    streams = _compute_stream_digests(file, {str(each.signature.location) for each in signatures})
    for each in signatures:
        signature = each.signature
        yield SignatureRecord(
            uid=signature.uid,
            location=str(signature.location),
            value=_hex_digest(signature.value),
            stream=streams.get((str(signature.location), signature.index), ""),
            certificate=_hex_digest(_strip_padding(signature.certificate)),
            timestamp=_hex_digest(_strip_padding(signature.timestamp)),
            chain=chain_digests(each),
        )


def chain_digests(report: SignatureReport) -> tuple[str, ...]:
    """Compute the digests of a signer's certificate chain."""
    return tuple(map(_hex_digest, report.trust.chain)) if report.trust else ()


def _compute_stream_digests(file: DicomFile, locations: set[str]) -> dict[tuple[str, int], str]:
    """Compute the SHA-256 of the MAC byte stream of each signature at these levels, by level and index."""
    digests: dict[tuple[str, int], str] = {}
    for signed in iter_signed_levels(file):
        location = str(signed.level.location)
        if location in locations:
            macs = compute_level_macs(signed.level, digest_factory=lambda _: new_digest(MacAlgorithm.SHA256))
            for found in macs.level_signatures.signatures:
                digest = macs.digest(found)
                if digest is not None:
                    digests[location, found.signature.index] = digest.hex()
    return digests


def _strip_padding(value: bytes) -> bytes:
    """Remove padding from a DER value; empty if it is not DER."""
    with suppress(CertificateNotValid):
        return strip_der_padding(value)
    return b""


def _hex_digest(data: bytes) -> str:
    return sha256(data).hexdigest() if data else ""
