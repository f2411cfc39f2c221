"""Compare a file with its change manifest: what was changed, added and removed. This never affects the verdict.

>>> from dcmseal import sign, verify
>>> key = "pem:signer.key.pem?cert=signer.cert.pem"
>>> result = sign("image.dcm", key=key, tags=["PatientID"], output="mine.dcm", manifest="mine.manifest")
>>> report = verify("tampered.dcm", manifest="mine.manifest", integrity_only=True)
>>> [each.code for each in report.manifest]
['manifest-of-other-signature']
>>> [each.code for each in verify("mine.dcm", manifest="mine.manifest", integrity_only=True).manifest]
['manifest-verified', 'elements-unchanged']
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import islice
from typing import Final

from msgspec import Struct

from dcmseal.change_manifest.manifest_content import (
    MAX_SIZE,
    InvalidManifestContent,
    ManifestContent,
    derive_key,
    parse_content,
    value_fingerprint,
)
from dcmseal.change_manifest.signed_data import (
    InvalidSignedData,
    ManifestNotAuthentic,
    SignedManifest,
    parse_signed_data,
)
from dcmseal.comparison.changes import Change, ChangeKind, iter_changes
from dcmseal.comparison.differences import build_frame_runs
from dcmseal.comparison.fingerprints import KeyedFingerprinter
from dcmseal.comparison.frames import format_runs
from dcmseal.comparison.inventory import MAX_ENTRIES, build_inventory
from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import CertificateNotValid, DatasetError, UsageError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.input_files import open_input
from dcmseal.macro.levels import find_level
from dcmseal.macro.signer_certificate import read_certificate
from dcmseal.model.report import SignatureReport
from dcmseal.model.signature import DigitalSignature

_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.2"


class ChangeWording(Struct, frozen=True, kw_only=True):
    """The code and message of a finding about a difference."""

    code: str
    message: str


class ManifestLimits(Struct, frozen=True, kw_only=True):
    """How large a manifest and what is compared with it may be."""

    size: int = MAX_SIZE
    """Maximum size of a manifest in bytes."""
    entries: int = MAX_ENTRIES
    """Maximum number of elements, items and frames of the level."""
    changes: int = 1000
    """Maximum number of differences that are listed."""


DEFAULT_LIMITS: Final = ManifestLimits()


def load_manifest(path: str | os.PathLike[str]) -> bytes:
    """Read the bytes of a manifest.

    Args:
        path: The file.

    Returns:
        The bytes, up to one more than the maximum size.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        with BufferedReader(open_input(path)) as file:
            return file.read(MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(
            f"{os.fspath(path)} cannot be read: {error.strerror}",
            hint="give the manifest that was made with the signature",
        ) from None


def manifest_findings(
    file: DicomFile, signatures: Iterable[SignatureReport], data: bytes, limits: ManifestLimits = DEFAULT_LIMITS
) -> Iterator[Finding]:
    """Iterate over findings about the changes that a manifest shows.

    The content is parsed only if the signer of one of the signatures also signed the manifest.

    Args:
        file: The Data Set.
        signatures: The verified signatures.
        data: The manifest.
        limits: How large the manifest may be, and what is compared with it.
    """
    try:
        if len(data) > limits.size:
            raise InvalidSignedData(f"it is larger than {limits.size} bytes")
        container = parse_signed_data(data)
        same_signer = [each for each in signatures if _is_signed_by_signer(container, each.signature)]
        content = parse_content(container.content) if same_signer else None
        if content is not None and content.subject.certificate != container.signer:
            raise ManifestNotAuthentic
    except (InvalidSignedData, InvalidManifestContent) as error:
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-unreadable", f"the manifest cannot be used: {error}")
        return
    except ManifestNotAuthentic:
        message = "the manifest cannot be used: it was changed, or was not signed with the certificate that it names"
        yield _manifest_finding(Outcome.FAILED, "manifest-not-authentic", message)
        return
    found = None if content is None else _find_signature(content, same_signer)
    if content is None or found is None:
        message = "the manifest cannot be used: it does not belong to any of the verified signatures"
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-of-other-signature", message)
        return
    yield _manifest_finding(
        Outcome.PASSED, "manifest-verified", "the manifest was signed by the signer of the signature"
    )
    try:
        yield from _change_findings(file, content, found, limits)
    except DatasetError as error:
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-not-comparable", f"the file cannot be compared: {error}")


def _is_signed_by_signer(container: SignedManifest, signature: DigitalSignature) -> bool:
    """Whether a manifest was signed by a signer; raise ManifestNotAuthentic if its signature is invalid."""
    try:
        certificate = read_certificate(signature.certificate)
    except CertificateNotValid:
        return False
    return container.is_signed_by(certificate)


def _find_signature(content: ManifestContent, signatures: Iterable[SignatureReport]) -> SignatureReport | None:
    subject = content.subject
    for each in signatures:
        if each.signature.uid == subject.uid and value_fingerprint(each.signature.value) == subject.value:
            return each
    return None


def _change_findings(
    file: DicomFile, content: ManifestContent, report: SignatureReport, limits: ManifestLimits
) -> Iterator[Finding]:
    """Report the differences, those in signed elements first."""
    signature = report.signature
    level = find_level(file, signature.location)
    now = build_inventory(
        *(level.source, level.start, level.end, level.encoding),
        KeyedFingerprinter(derive_key(content.salt, signature.value)),
        content.frame or None,
        only_signable=True,
        max_entries=limits.entries,
    )
    covered = {each.tag for each in content.signed}
    signed = _findings(
        iter_changes(content.signed, [each for each in now.elements if each.tag in covered], signature.location),
        now.number_of_frames,
        is_signed=True,
    )
    unsigned = _findings(
        iter_changes(content.unsigned, [each for each in now.elements if each.tag not in covered], signature.location),
        now.number_of_frames,
        is_signed=False,
    )
    signed_findings = list(islice(signed, limits.changes + 1))
    yield from signed_findings[: limits.changes]
    if not signed_findings:
        yield _unchanged_finding(report)
    unsigned_findings = list(islice(unsigned, limits.changes + 1))
    yield from unsigned_findings[: limits.changes]
    if max(len(signed_findings), len(unsigned_findings)) > limits.changes:
        message = f"more than {limits.changes} elements differ; the others are not listed"
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-more-changes", message)


def _unchanged_finding(report: SignatureReport) -> Finding:
    if report.outcome(Aspect.INTEGRITY) is Outcome.FAILED:
        message = "no signed element changed: the change is in the signature itself or its MAC parameters"
        return _manifest_finding(Outcome.UNKNOWN, "manifest-other-change", message)
    return _manifest_finding(Outcome.PASSED, "elements-unchanged", "no signed element changed since signing")


def _findings(changes: Iterator[Change], frames: int, *, is_signed: bool) -> Iterator[Finding]:
    for each in changes:
        wording = _signed_change_wording(each.kind) if is_signed else _unsigned_change_wording(each.kind)
        if wording is not None:
            yield Finding(
                aspect=Aspect.INTEGRITY if is_signed else Aspect.COVERAGE,
                outcome=Outcome.FAILED if is_signed else Outcome.UNKNOWN,
                code=wording.code,
                message=wording.message + _format_detail(each, frames),
                where=str(each.path),
                clause=_CLAUSE,
            )


def _signed_change_wording(kind: ChangeKind) -> ChangeWording | None:
    """Word a difference in signed elements; None if only the encoding differs."""
    match kind:
        case ChangeKind.CHANGED:
            return ChangeWording(code="element-changed", message="the value changed after signing")
        case ChangeKind.VR:
            return ChangeWording(code="element-changed", message="the VR changed after signing")
        case ChangeKind.ADDED:
            return ChangeWording(code="element-added", message="it was added after signing")
        case ChangeKind.REMOVED:
            return ChangeWording(code="element-removed", message="it was removed after signing")
        case ChangeKind.MOVED:
            return ChangeWording(code="element-moved", message="it was moved after signing")
        case _:
            return None


def _unsigned_change_wording(kind: ChangeKind) -> ChangeWording | None:
    """Word a difference in unsigned elements; None if only the encoding differs."""
    match kind:
        case ChangeKind.CHANGED:
            return ChangeWording(code="unsigned-changed", message="the value changed after the manifest was made")
        case ChangeKind.VR:
            return ChangeWording(code="unsigned-changed", message="the VR changed after the manifest was made")
        case ChangeKind.ADDED:
            return ChangeWording(code="unsigned-added", message="it was added after the manifest was made")
        case ChangeKind.REMOVED:
            return ChangeWording(code="unsigned-removed", message="it was removed after the manifest was made")
        case ChangeKind.MOVED:
            return ChangeWording(code="unsigned-moved", message="it was moved after the manifest was made")
        case _:
            return None


def _format_detail(change: Change, frames: int) -> str:
    """Format the frames that changed, or the new path of an item."""
    if change.kind is ChangeKind.MOVED and change.before != change.after:
        return f": to {change.after}"
    if change.parts is None:
        return ""
    found = build_frame_runs(change.parts, frames)
    noun = "fragments" if found.fragments else "frames"
    details = [
        f"{noun} {what} {format_runs(runs)}"
        for what, runs in (
            ("changed", found.changed),
            ("removed", found.removed),
            ("added", found.added),
            ("moved", found.moved),
        )
        if runs
    ]
    if found.frames:
        details.append(f"of frames {format_runs(found.frames)}")
    return f": {', '.join(details)}"


def _manifest_finding(outcome: Outcome, code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.INTEGRITY, outcome=outcome, code=code, message=message, clause=_CLAUSE)
