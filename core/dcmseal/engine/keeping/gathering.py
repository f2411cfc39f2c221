"""What a verdict rests upon, gathered while it is found, and from the file once it is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from dcmseal.dataset.part10 import DicomFile
from dcmseal.engine.certificate import der_of
from dcmseal.engine.keeping.rules import rules_of
from dcmseal.engine.macs import level_macs
from dcmseal.engine.signed_levels import signed_levels
from dcmseal.engine.trusting import Trust
from dcmseal.errors import CertificateNotValid
from dcmseal.grounds import Grounds, KeptSignature, TrustMaterial
from dcmseal.mac.digest import new_digest
from dcmseal.plugins.trust import TrustAnswer
from dcmseal.report import SignatureReport, VerificationReport
from dcmseal.terms import MacAlgorithm

if TYPE_CHECKING:
    from dcmseal.engine.verification import Question


class Gathering:
    """One verification whose grounds are to be kept."""

    def __init__(self, trust: Trust) -> None:
        self._material = TrustMaterial()
        # one present for all answers: it will be asked for again
        moment = (trust.settings.now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0)
        self._moment = moment
        self.trust = replace(trust, settings=replace(trust.settings, now=moment), on_answer=self._collect)
        """To verify with."""

    def _collect(self, answer: TrustAnswer) -> None:
        chain = TrustMaterial(certificates=answer.chain[:-1], anchors=answer.chain[-1:])
        self._material = self._material.merge(answer.material).merge(chain)

    def add_evidence(self, file: DicomFile, context: Question, report: VerificationReport) -> VerificationReport:
        """The report with its grounds; raises DatasetError if the file cannot be read any more."""
        signers = (_der(each.signature.certificate) for each in report.signatures)
        own = TrustMaterial(certificates=tuple(each for each in signers if each and each not in self._material.anchors))
        stamps = dict.fromkeys(_der(each.signature.timestamp) for each in report.signatures)
        grounds = Grounds(
            moment=self._moment,
            settings=rules_of(self.trust.settings, context),
            file_sha256=file_digest(file),
            file_size=file.file.size,
            signatures=tuple(kept_signatures(file, report)),
            material=self._material.merge(own),
            timestamp_certificates=context.timestamp.certificates,
            timestamps=tuple(each for each in stamps if each),
        )
        return replace(report, evidence=grounds)


def file_digest(file: DicomFile) -> str:
    """SHA-256 of the file as it is stored."""
    digest = sha256()
    for piece in file.file.chunks(0, file.file.size):
        digest.update(piece)
    return digest.hexdigest()


def kept_signatures(file: DicomFile, report: VerificationReport) -> Iterator[KeptSignature]:
    """By what the signatures of a report are known again, in order."""
    streams = _stream_digests(file, {str(each.signature.location) for each in report.signatures})
    for each in report.signatures:
        signature = each.signature
        yield KeptSignature(
            uid=signature.uid,
            location=str(signature.location),
            value=_digest(signature.value),
            stream=streams.get((str(signature.location), signature.index), ""),
            certificate=_digest(_der(signature.certificate)),
            timestamp=_digest(_der(signature.timestamp)),
            chain=chain_of(each),
        )


def chain_of(report: SignatureReport) -> tuple[str, ...]:
    """Digests of the certificates by which a signer is trusted."""
    return tuple(map(_digest, report.trust.chain)) if report.trust else ()


def _stream_digests(file: DicomFile, locations: set[str]) -> dict[tuple[str, int], str]:
    """SHA-256 of the MAC byte stream of each signature at these levels, by level and index."""
    digests: dict[tuple[str, int], str] = {}
    for signed in signed_levels(file):
        location = str(signed.level.location)
        if location in locations:
            macs = level_macs(signed.level, digest_factory=lambda _: new_digest(MacAlgorithm.SHA256))
            for found in macs.level_signatures.signatures:
                digest = macs.digest(found)
                if digest is not None:
                    digests[location, found.signature.index] = digest.hex()
    return digests


def _der(value: bytes) -> bytes:
    """Less padding; nothing if it is no DER."""
    with suppress(CertificateNotValid):
        return der_of(value)
    return b""


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest() if data else ""
