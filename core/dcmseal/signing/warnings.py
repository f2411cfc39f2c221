"""What other software will trip over: said when signing, while something can still be done about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dcmseal.dataset.header import ElementKind, is_too_long_for_vr
from dcmseal.errors import CertificateNotValid
from dcmseal.findings import Outcome
from dcmseal.mac.dcmtk_truncation import is_truncated
from dcmseal.macro.profile_view import LevelView, build_signature_facts
from dcmseal.macro.signer_certificate import read_certificate
from dcmseal.model.signature import DigitalSignature
from dcmseal.plugins.profile import SignatureFacts
from dcmseal.signing.context import SigningContext
from dcmseal.signing.prepare import PreparedLevel
from dcmseal.verification.profile_checks import joint_rule_findings

if TYPE_CHECKING:
    from dcmseal.references.fill_references import FilledReference
    from dcmseal.verification.timestamp_checks import TimestampVerification


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningWarning:
    """A warning: ``code`` is stable, ``elements`` are the tags it is about."""

    code: str
    message: str
    elements: tuple[int, ...] = ()
    is_obstacle: bool = False
    """Verification will not call the signature valid, and the code is that of its finding; or so of another one."""


def dataset_warnings(prepared: PreparedLevel, elements: Sequence[int]) -> tuple[SigningWarning, ...]:
    """All warnings about a signature over these elements."""
    return tuple(_iter_dataset_warnings(prepared, elements))


def profile_warnings(
    prepared: PreparedLevel, context: SigningContext, signature: DigitalSignature
) -> Iterator[SigningWarning]:
    """What the profile asks for that this signature alone does not give."""
    if context.profile is None:
        return
    beyond = prepared.requirements.left_to_caller
    if beyond and not context.options.signs_everything and not context.options.tags:
        yield SigningWarning(
            code="choice-expected", message=f"the profile also wants signed, and cannot know: {beyond}"
        )
    view = LevelView(scan=prepared.scan, location=context.options.location)
    allowed_key = next(iter(prepared.requirements.key_types), None)
    together = [_stated_facts(found.signature, view) for found in prepared.level_signatures.signatures]
    together.append(replace(_stated_facts(signature, view), key_type=allowed_key))
    for finding in joint_rule_findings(context.profile, view, together):
        message = f"with the signatures that are there the profile is not met yet: {finding.message}"
        yield SigningWarning(code="profile-not-met-yet", message=message)


def reference_warnings(references: Sequence[FilledReference]) -> Iterator[SigningWarning]:
    """What verification of the evidence will trip over."""
    padded = sum(each.is_padded for each in references)
    if padded:
        message = (
            f"{padded} cited instances have values with excess padding: software that strips it changes their MACs"
        )
        yield SigningWarning(code="cited-padded", message=message)
    broken = sum(bool(each.broken) for each in references)
    if broken:
        message = f"{broken} cited instances have signatures that do not hold: these are not cited"
        yield SigningWarning(code="cited-signature-broken", message=message)
    uncovered = {tag for each in references for tag in each.shown_uncovered}
    if uncovered:
        message = (
            "elements of cited instances that change what they show can be in no MAC: verification of the evidence will"
            " not call it valid"
        )
        yield SigningWarning(code="cited-shown-uncovered", message=message, elements=tuple(sorted(uncovered)))


def timestamp_warnings(result: TimestampVerification) -> Iterator[SigningWarning]:
    """Why verification will not accept a timestamp; trust in its authority is for verifiers to judge."""
    for finding in result.findings:
        if finding.outcome is not Outcome.PASSED:
            message = f"verification will not accept the timestamp: {finding.message}"
            yield SigningWarning(code="timestamp-not-accepted", message=message)


def _stated_facts(signature: DigitalSignature, view: LevelView) -> SignatureFacts:
    """A signature as it states itself, not verified."""
    certificate = None
    with suppress(CertificateNotValid):
        certificate = read_certificate(signature.certificate)
    return build_signature_facts(
        signature, certificate, view.tags & frozenset(signature.mac.elements if signature.mac else ())
    )


def _iter_dataset_warnings(prepared: PreparedLevel, elements: Sequence[int]) -> Iterator[SigningWarning]:
    scan = prepared.scan
    unknown = [scan.tags[index] for index, kind in scan.kinds.items() if kind is ElementKind.UNKNOWN]
    private = tuple(tag for tag in unknown if tag >> 16 & 1)
    if private and scan.encoding.is_implicit:
        message = "private elements have no VR in implicit VR and are left out: sign in explicit VR to cover them"
        yield SigningWarning(code="private-implicit", message=message, elements=private)
    long = {tag for tag in unknown if is_too_long_for_vr(tag, scan.encoding)}
    if long:
        message = "values too long for explicit VR, in which MACs are made, are of VR UN there and are left out"
        yield SigningWarning(code="value-too-long", message=message, elements=tuple(sorted(long)))
    others = tuple(tag for tag in unknown if tag not in long and not (tag >> 16 & 1 and scan.encoding.is_implicit))
    if others:
        yield SigningWarning(
            code="un-left-out", message="elements of VR UN cannot be signed and are left out", elements=others
        )
    spoilt = tuple(
        scan.tags[index]
        for index, kind in scan.kinds.items()
        if kind is ElementKind.SEQUENCE and scan.tags[index] in prepared.facts.unsignable
    )
    if spoilt:
        message = "sequences that hold an element of VR UN cannot be signed and are left out whole"
        yield SigningWarning(code="sequence-with-un", message=message, elements=spoilt)
    if prepared.ambiguous:
        message = "VRs that depend on their context had to be chosen: software that chooses others sees a broken MAC"
        yield SigningWarning(code="context-dependent-vrs", message=message)
    if prepared.padding_kept:
        message = (
            "excess padding was kept, for the data set is signed already: software that strips it breaks this signature"
        )
        yield SigningWarning(code="padding-kept", message=message)
    signed_private = tuple([tag for tag in elements if tag >> 16 & 1])
    if signed_private and not scan.encoding.is_implicit:
        message = "private elements are signed: whoever stores the data set in implicit VR breaks the signature"
        yield SigningWarning(code="private-signed", message=message, elements=signed_private)
    if is_truncated(scan, frozenset(elements)):
        message = (
            "DCMTK 3.6.6 and later will call this correct signature corrupt: it hashes large nested sequences in part"
        )
        yield SigningWarning(code="dcmtk-truncates", message=message)
