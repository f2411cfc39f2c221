"""A manifest held against the file: what was changed, added and removed since; it explains, and decides nothing.

>>> from dcmseal import sign, verify
>>> key = "pem:signer.key.pem?cert=signer.cert.pem"
>>> result = sign("image.dcm", key=key, tags=["PatientID"], output="mine.dcm", manifest="mine.manifest")
>>> report = verify("tampered.dcm", manifest="mine.manifest", integrity_only=True)
>>> [each.code for each in report.manifest]
['manifest-of-another']
>>> [each.code for each in verify("mine.dcm", manifest="mine.manifest", integrity_only=True).manifest]
['manifest-verified', 'elements-unchanged']
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from typing import Final

from dcmseal.change_manifest.manifest_content import (
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
from dcmseal.comparison.inventory import build_inventory
from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import CertificateNotValid, DatasetError, UsageError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.input_files import open_input
from dcmseal.macro.levels import find_level
from dcmseal.macro.signer_certificate import read_certificate
from dcmseal.model.report import SignatureReport
from dcmseal.model.signature import DigitalSignature

MAX_SIZE: Final = 128 << 20
"""Bytes of a manifest that is read."""
MAX_CHANGES: Final = 1000
"""Differences that are named."""
_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWording:
    """How a difference is reported."""

    code: str
    message: str


def load_manifest(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a manifest; raises UsageError if it cannot be read."""
    try:
        with BufferedReader(open_input(path)) as file:
            return file.read(MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(
            f"{os.fspath(path)} cannot be read: {error.strerror}",
            hint="name the manifest that was made with the signature",
        ) from None


def manifest_findings(file: DicomFile, signatures: Iterable[SignatureReport], data: bytes) -> Iterator[Finding]:
    """What a manifest says about the one signature that it was made with.

    It says nothing unless the key of that signature's certificate signed it; what it says is not even read before.
    """
    try:
        if len(data) > MAX_SIZE:
            raise InvalidSignedData(f"it takes more than {MAX_SIZE} bytes")
        container = parse_signed_data(data)
        by_the_same = [each for each in signatures if _is_signed_by_signer(container, each.signature)]
        content = parse_content(container.content) if by_the_same else None
        if content is not None and content.subject.certificate != container.signer:
            raise ManifestNotAuthentic
    except (InvalidSignedData, InvalidManifestContent) as error:
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-unreadable", f"the manifest says nothing: {error}")
        return
    except ManifestNotAuthentic:
        message = "the manifest says nothing: it was changed, or is not signed by the key it names"
        yield _manifest_finding(Outcome.FAILED, "manifest-not-authentic", message)
        return
    found = None if content is None else _find_signature(content, by_the_same)
    if content is None or found is None:
        message = "the manifest says nothing: the signature it was made with is not among those that were verified"
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-of-another", message)
        return
    yield _manifest_finding(
        Outcome.PASSED, "manifest-verified", "the manifest was signed by the signer of the signature"
    )
    try:
        yield from _change_findings(file, content, found)
    except DatasetError as error:
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-not-comparable", f"what was changed cannot be told: {error}")


def _is_signed_by_signer(container: SignedManifest, signature: DigitalSignature) -> bool:
    """Whether the manifest is signed with the certificate of a signature.

    Raises NotAuthentic if it says so, and is not.
    """
    try:
        certificate = read_certificate(signature.certificate)
    except CertificateNotValid:
        return False
    return container.is_signed_by(certificate)


def _find_signature(content: ManifestContent, signatures: Iterable[SignatureReport]) -> SignatureReport | None:
    about = content.subject
    for each in signatures:
        if each.signature.uid == about.uid and value_fingerprint(each.signature.value) == about.value:
            return each
    return None


def _change_findings(file: DicomFile, content: ManifestContent, found: SignatureReport) -> Iterator[Finding]:
    """The differences, those in what is signed first."""
    signature = found.signature
    level = find_level(file, signature.location)
    now = build_inventory(
        *(level.source, level.start, level.end, level.encoding),
        KeyedFingerprinter(derive_key(content.salt, signature.value)),
        content.frame or None,
        only_signable=True,
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
    named = list(islice(signed, MAX_CHANGES + 1))
    yield from named[:MAX_CHANGES]
    if not named:
        yield _unchanged_finding(found)
    others = list(islice(unsigned, MAX_CHANGES + 1))
    yield from others[:MAX_CHANGES]
    if max(len(named), len(others)) > MAX_CHANGES:
        message = f"more than {MAX_CHANGES} elements differ; the others are not named"
        yield _manifest_finding(Outcome.UNKNOWN, "manifest-more-changes", message)


def _unchanged_finding(found: SignatureReport) -> Finding:
    if found.outcome(Aspect.INTEGRITY) is Outcome.FAILED:
        message = "no signed element is another: what was changed is the signature itself, or its MAC parameters"
        return _manifest_finding(Outcome.UNKNOWN, "manifest-elsewhere", message)
    return _manifest_finding(
        Outcome.PASSED, "elements-unchanged", "every signed element is what it was when this was signed"
    )


def _findings(found: Iterator[Change], frames: int, *, is_signed: bool) -> Iterator[Finding]:
    for each in found:
        saying = _signed_change_wording(each.kind) if is_signed else _unsigned_change_wording(each.kind)
        if saying is not None:
            yield Finding(
                aspect=Aspect.INTEGRITY if is_signed else Aspect.COVERAGE,
                outcome=Outcome.FAILED if is_signed else Outcome.UNKNOWN,
                code=saying.code,
                message=saying.message + _format_detail(each, frames),
                where=str(each.path),
                clause=_CLAUSE,
            )


def _signed_change_wording(kind: ChangeKind) -> ChangeWording | None:
    """How a difference in what is signed is reported; None if both states mean the same."""
    match kind:
        case ChangeKind.CHANGED:
            return ChangeWording(code="element-changed", message="it is not what was signed")
        case ChangeKind.VR:
            return ChangeWording(code="element-changed", message="its VR is not the one that was signed")
        case ChangeKind.ADDED:
            return ChangeWording(code="element-added", message="it was not there when this was signed")
        case ChangeKind.REMOVED:
            return ChangeWording(code="element-removed", message="it was there when this was signed")
        case ChangeKind.MOVED:
            return ChangeWording(code="element-moved", message="it stood elsewhere when this was signed")
        case _:
            return None


def _unsigned_change_wording(kind: ChangeKind) -> ChangeWording | None:
    """Likewise in what is not signed."""
    match kind:
        case ChangeKind.CHANGED:
            return ChangeWording(code="unsigned-changed", message="it is not what it was when the manifest was made")
        case ChangeKind.VR:
            return ChangeWording(
                code="unsigned-changed", message="its VR is not what it was when the manifest was made"
            )
        case ChangeKind.ADDED:
            return ChangeWording(code="unsigned-added", message="it was not there when the manifest was made")
        case ChangeKind.REMOVED:
            return ChangeWording(code="unsigned-removed", message="it was there when the manifest was made")
        case ChangeKind.MOVED:
            return ChangeWording(code="unsigned-moved", message="it stood elsewhere when the manifest was made")
        case _:
            return None


def _format_detail(change: Change, frames: int) -> str:
    """Which frames, or where to."""
    if change.kind is ChangeKind.MOVED and change.before != change.after:
        return f": now it is {change.after}"
    if change.parts is None:
        return ""
    found = build_frame_runs(change.parts, frames)
    noun = "fragments" if found.fragments else "frames"
    told = [
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
        told.append(f"of frames {format_runs(found.frames)}")
    return f": {', '.join(told)}"


def _manifest_finding(outcome: Outcome, code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.INTEGRITY, outcome=outcome, code=code, message=message, clause=_CLAUSE)
