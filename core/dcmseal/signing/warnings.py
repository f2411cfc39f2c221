"""Warnings about signatures that other software may not verify, reported when signing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.dataset.header import ElementKind, is_too_long_for_vr
from dcmseal.errors import CertificateNotValid
from dcmseal.findings import Outcome
from dcmseal.mac.dcmtk_truncation import is_truncated
from dcmseal.macro.profile_view import LevelView, build_signature_facts
from dcmseal.macro.signer_certificate import read_certificate
from dcmseal.model.signature import DigitalSignature
from dcmseal.plugins.profile import SignatureFacts
from dcmseal.signing.prepare import PreparedLevel
from dcmseal.signing.signing_context import SigningContext
from dcmseal.verification.profile_checks import joint_rule_findings

if TYPE_CHECKING:
    from dcmseal.references.fill_references import FilledReference
    from dcmseal.verification.timestamp_checks import TimestampVerification


class SigningWarning(Struct, frozen=True, kw_only=True):
    """A warning about a signature; ``code`` is stable, ``elements`` are the tags that it concerns."""

    code: str
    message: str
    elements: tuple[int, ...] = ()
    is_obstacle: bool = False
    """Whether verification will not report this signature, or an existing one, as valid."""


def dataset_warnings(prepared: PreparedLevel, elements: Sequence[int]) -> tuple[SigningWarning, ...]:
    """Collect the warnings about a signature over these elements."""
    return tuple(_iter_dataset_warnings(prepared, elements))


def profile_warnings(
    prepared: PreparedLevel, context: SigningContext, signature: DigitalSignature
) -> Iterator[SigningWarning]:
    """Iterate over warnings about requirements of the profile that this signature alone does not meet."""
    if context.profile is None:
        return
    choice = prepared.requirements.left_to_caller
    if choice and not context.options.signs_everything and not context.options.tags:
        yield SigningWarning(
            code="choice-expected", message=f"the profile also requires elements that you have to choose: {choice}"
        )
    view = LevelView(scan=prepared.scan, location=context.options.location)
    allowed_key = next(iter(prepared.requirements.key_types), None)
    together = [_build_claimed_facts(found.signature, view) for found in prepared.level_signatures.signatures]
    together.append(replace(_build_claimed_facts(signature, view), key_type=allowed_key))
    for finding in joint_rule_findings(context.profile, view, together):
        message = f"the profile requires further signatures: {finding.message}"
        yield SigningWarning(code="profile-not-met-yet", message=message)


def reference_warnings(references: Sequence[FilledReference]) -> Iterator[SigningWarning]:
    """Iterate over warnings about references that verification will not accept."""
    padded = sum(each.is_padded for each in references)
    if padded:
        message = (
            f"{padded} cited instances have values with excess padding: software that removes it will change their MACs"
        )
        yield SigningWarning(code="cited-padded", message=message)
    broken = sum(bool(each.broken) for each in references)
    if broken:
        message = f"{broken} cited instances have invalid signatures, which are not cited"
        yield SigningWarning(code="cited-signature-broken", message=message)
    uncovered = {tag for each in references for tag in each.shown_uncovered}
    if uncovered:
        message = (
            "elements of cited instances that affect what they display cannot be part of a MAC: verification will not"
            " report the references as valid"
        )
        yield SigningWarning(code="cited-shown-uncovered", message=message, elements=tuple(sorted(uncovered)))


def timestamp_warnings(result: TimestampVerification) -> Iterator[SigningWarning]:
    """Iterate over the reasons why verification will not accept a timestamp, except trust in its authority."""
    for finding in result.findings:
        if finding.outcome is not Outcome.PASSED:
            message = f"verification will not accept the timestamp: {finding.message}"
            yield SigningWarning(code="timestamp-not-accepted", message=message)


def _build_claimed_facts(signature: DigitalSignature, view: LevelView) -> SignatureFacts:
    """Build facts from what a signature states about itself, without verification."""
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
        message = "private elements cannot be signed in Implicit VR: convert the file to Explicit VR to sign them"
        yield SigningWarning(code="private-implicit", message=message, elements=private)
    long = {tag for tag in unknown if is_too_long_for_vr(tag, scan.encoding)}
    if long:
        message = "values too long for their VR in Explicit VR cannot be signed: the MAC would contain them as VR UN"
        yield SigningWarning(code="value-too-long", message=message, elements=tuple(sorted(long)))
    others = tuple(tag for tag in unknown if tag not in long and not (tag >> 16 & 1 and scan.encoding.is_implicit))
    if others:
        yield SigningWarning(code="vr-un-not-signed", message="elements of VR UN cannot be signed", elements=others)
    unsignable_sequences = tuple(
        scan.tags[index]
        for index, kind in scan.kinds.items()
        if kind is ElementKind.SEQUENCE and scan.tags[index] in prepared.facts.unsignable
    )
    if unsignable_sequences:
        message = "sequences that contain an element of VR UN cannot be signed"
        yield SigningWarning(code="sequence-with-un", message=message, elements=unsignable_sequences)
    if prepared.ambiguous:
        message = (
            "some VRs were derived from their context: software that derives others will report the signature as "
            "invalid"
        )
        yield SigningWarning(code="context-dependent-vrs", message=message)
    if prepared.padding_kept:
        message = (
            "excess padding was kept because of the existing signatures: software that removes it will break this one"
        )
        yield SigningWarning(code="padding-kept", message=message)
    signed_private = tuple([tag for tag in elements if tag >> 16 & 1])
    if signed_private and not scan.encoding.is_implicit:
        message = "private elements are signed: converting the file to Implicit VR will break this signature"
        yield SigningWarning(code="private-signed", message=message, elements=signed_private)
    if is_truncated(scan, frozenset(elements)):
        message = (
            "DCMTK 3.6.6 and later will report this signature as corrupt, because it hashes only part of large nested "
            "sequences"
        )
        yield SigningWarning(code="dcmtk-truncates", message=message)
