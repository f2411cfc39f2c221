"""Plan a signature: decide everything about it, without writing anything and without using a key."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self, cast

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.dataset.padding import PaddedElement
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import EXPLICIT_LITTLE_UID, TransferSyntax
from dcmseal.dictionary import tag_keyword
from dcmseal.errors import AlreadySigned, NotSignable, ProfileViolation, UsageError, WeakAlgorithm
from dcmseal.findings import Outcome
from dcmseal.mac.level_pass import MacJob
from dcmseal.macro.level_macs import PLAIN_VARIANT, LevelMacs, mac_key
from dcmseal.macro.levels import Level
from dcmseal.macro.profile_view import LevelView, build_signature_facts
from dcmseal.macro.signer_certificate import Certificate
from dcmseal.model.signature import DigitalSignature, MacParameters, PurposeCode, to_dt_value
from dcmseal.plugins.profile import Profile, Requirements
from dcmseal.representation import format_fields
from dcmseal.signing.existing_signatures import check_intact, existing_signature_warnings
from dcmseal.signing.preflight import plan_warnings
from dcmseal.signing.prepare import PreparedLevel, prepare_level
from dcmseal.signing.signing_context import SigningContext
from dcmseal.signing.signing_options import SignOptions, check_signable
from dcmseal.signing.warnings import SigningWarning, dataset_warnings, profile_warnings, reference_warnings
from dcmseal.sources.dataset_input import DatasetInput, is_pydicom_dataset, open_source
from dcmseal.tags import PIXEL_DATA, format_tag
from dcmseal.terms import PURPOSE_CODING_SCHEME, CertificateType, SignaturePurpose, TimestampType

if TYPE_CHECKING:
    from pydicom import Dataset

    from dcmseal.plugins.registry_provider import RegistryProvider
    from dcmseal.references.fill_references import FilledDocument, FilledReference

_HINTS: Final = {
    "purpose-missing": "state a purpose of CID 7007, such as author or verification",
    "not-main-data-set": "sign the main data set, or use profile base-rsa or none",
}
_MAX_MAC_ID: Final = 0xFFFF
_MAX_ELEMENTS: Final = 0xFFFE // 4
"""The number of tags that fit into an AT value in explicit VR (PS3.5 7.1.2)."""


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """A signature that can be made. Use it as a context manager or close it, because it keeps the source open."""

    file: DicomFile
    """The Data Set, with minimal padding unless padding is kept."""
    level: Level
    scan: LevelScanner
    signature: DigitalSignature
    """The signature, without certificate and value."""
    unsignable: tuple[tuple[int, str], ...]
    """Elements of the level that cannot be signed, with reasons."""
    padded: tuple[PaddedElement, ...]
    """Elements whose padding is reduced to the minimum."""
    warnings: tuple[SigningWarning, ...]
    profile: Profile | None
    requirements: Requirements
    macs: LevelMacs
    """The MAC over the data elements, before the signature's own item."""
    dataset: Dataset | None
    """The pydicom Dataset to sign in place, if the source is one."""
    resources: ExitStack
    registry: RegistryProvider
    """Returns the plugins to write to a URL."""
    filled_document: FilledDocument | None = None
    """The document with its references filled in, if that was requested."""

    @property
    def references(self) -> tuple[FilledReference, ...]:
        """The instances that the document cites, with the references that were filled in, if that was requested."""
        return self.filled_document.references if self.filled_document else ()

    @property
    def mac(self) -> MacParameters:
        """The MAC parameters of the signature."""
        assert self.signature.mac is not None
        return self.signature.mac

    @property
    def elements(self) -> tuple[int, ...]:
        """Data Elements Signed."""
        return self.mac.elements

    def close(self) -> None:
        """Close the Data Set."""
        self.resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return format_fields(
            self, hidden=("file", "level", "scan", "macs", "dataset", "resources", "registry", "filled_document")
        )


def plan_signature(source: DatasetInput, context: SigningContext) -> Plan:
    """Plan a signature. All checks that do not need the key are made here.

    Args:
        source: The Data Set.
        context: What to sign, and how.

    Returns:
        The plan, which keeps the source open.

    Raises:
        UsageError: The options contradict the Data Set.
        WeakAlgorithm: The MAC algorithm is weak, and not allowed explicitly.
        DatasetError: The Data Set cannot be parsed or signed, or the subclass that says why.
        ProfileViolation: The profile is not met.
    """
    options = context.options
    _check_algorithm(options)
    _check_syntax(options.transfer_syntax)
    with ExitStack() as stack:
        file = stack.enter_context(open_source(source, context.registry, for_update=True))
        filled = _fill_references(file, options)
        prepared = prepare_level(filled.file if filled else file, context)
        dataset = cast("Dataset", source) if is_pydicom_dataset(source) else None
        resources = ExitStack()
        plan = _build_plan(prepared, context, dataset, resources)
        if filled:
            plan = replace(
                plan, filled_document=filled, warnings=(*plan.warnings, *reference_warnings(filled.references))
            )
            _check_evidence(plan, filled)
        check_profile(plan, None)
        resources.push(stack.pop_all())
        return plan


def _fill_references(file: DicomFile, options: SignOptions) -> FilledDocument | None:
    """Fill in the document's references, if that is requested."""
    if options.references is None:
        return None
    from dcmseal.references.fill_references import fill_references

    if options.location.steps:
        raise UsageError(
            "references are filled in at the main data set only",
            hint="sign the main data set, or omit the references",
            code="evidence-in-item",
        )
    return fill_references(file, options.references, options.algorithm)


def _check_evidence(plan: Plan, filled: FilledDocument) -> None:
    """Refuse a signature that does not cover the references that were filled in."""
    missing = filled.evidence.difference(plan.elements)
    for tag, why in plan.unsignable:
        if tag in missing:
            hint = "repair the evidence first, or sign without references"
            raise NotSignable(tag, why, hint=hint, code="evidence-not-signable")
    if missing:
        keyword = tag_keyword(min(missing))
        raise UsageError(
            f"the signature would not cover {keyword}, which contains the references",
            hint=f"add {keyword} to the elements, or sign everything",
            code="evidence-not-covered",
            facts={"keyword": str(keyword)},
        )


def _nothing_to_sign_error(options: SignOptions, unsignable: Mapping[int, str]) -> UsageError:
    message = f"nothing at {options.location} can be signed"
    if not unsignable:
        return UsageError(f"{message}: it has no such elements", hint="choose another level, or other elements")
    tag, why = next(iter(unsignable.items()))
    rest = f" ({len(unsignable) - 1} other elements cannot be signed either)" if len(unsignable) > 1 else ""
    hint = "groups below 0008, as in a DICOMDIR, are never signed"
    if tag >> 16 >= 0x0008:
        hint = "write the elements with their VRs (PS3.5 6.2.2), using software that knows them"
    return UsageError(f"{message}: {format_tag(tag)} cannot, {why}{rest}", hint=hint)


def _build_plan(
    prepared: PreparedLevel, context: SigningContext, dataset: Dataset | None, resources: ExitStack
) -> Plan:
    options = context.options
    if context.uid in {each.signature.uid for each in prepared.level_signatures.signatures}:
        raise AlreadySigned(f"the data set already has a signature {context.uid}")
    scan, unsignable = prepared.scan, prepared.facts.unsignable
    check_signable(options.tags or (), prepared.requirements, scan.tags, unsignable.items())
    wanted = prepared.job.tags
    elements = tuple([tag for tag in scan.tags if tag not in unsignable and (wanted is None or tag in wanted)])
    if not elements:
        raise _nothing_to_sign_error(options, unsignable)
    if len(elements) > _MAX_ELEMENTS:
        raise UsageError(
            f"{len(elements)} elements are too many: Data Elements Signed can list {_MAX_ELEMENTS}",
            hint="choose fewer elements",
            code="too-many-elements",
            facts={"limit": str(_MAX_ELEMENTS)},
        )
    syntax = _select_mac_syntax(options.transfer_syntax, prepared.file.syntax, elements)
    mac_id = next(number for number in range(_MAX_MAC_ID + 2) if number not in prepared.mac_ids)
    if mac_id > _MAX_MAC_ID:
        raise UsageError("all MAC ID Numbers are in use", hint="remove signatures that are not needed")
    moment = context.moment or datetime.now(UTC)
    if moment.tzinfo is None:
        raise UsageError("the signing time has no offset from UTC", hint="pass an aware datetime")
    mac = MacParameters(mac_id=mac_id, transfer_syntax=syntax, algorithm=options.algorithm.value, elements=elements)
    signature = DigitalSignature(
        location=options.location,
        mac_id=mac_id,
        uid=context.uid or f"2.25.{uuid.uuid4().int}",
        datetime=to_dt_value(moment),
        certificate_type=CertificateType.X509_1993_SIG,
        certificate=b"",
        value=b"",
        timestamp_type=TimestampType.CMS_TSP.value if options.timestamp else "",
        purpose=_build_purpose_code(options.purpose, prepared.requirements.default_purpose),
        mac=mac,
    )
    job = MacJob(tags=frozenset(elements), digest=prepared.job.digest, unsignable=prepared.job.unsignable)
    macs = LevelMacs(
        scan=scan,
        facts=prepared.facts,
        level_signatures=prepared.level_signatures,
        jobs={mac_key(mac): job},
        variant=PLAIN_VARIANT,
        ambiguous=prepared.ambiguous,
        _last_lookup=(mac, job),
    )
    existing = _existing_warnings(prepared, macs, options)
    warnings = tuple(plan_warnings(prepared.file, prepared.level, macs, signature))
    return Plan(
        registry=context.registry,
        file=prepared.file,
        level=prepared.level,
        scan=scan,
        signature=signature,
        unsignable=tuple((tag, why) for tag, why in unsignable.items() if not exclusion_reason(tag)),
        padded=prepared.padded,
        warnings=(
            *existing,
            *warnings,
            *dataset_warnings(prepared, elements),
            *profile_warnings(prepared, context, signature),
        ),
        profile=context.profile,
        requirements=prepared.requirements,
        macs=macs,
        dataset=dataset,
        resources=resources,
    )


def _existing_warnings(prepared: PreparedLevel, macs: LevelMacs, options: SignOptions) -> tuple[SigningWarning, ...]:
    """Warn about existing signatures, or raise NotIntact if they are required to be valid and are not."""
    if not prepared.is_signed:
        return ()
    existing = replace(macs, jobs=prepared.existing.by_key, _signable=None, _last_lookup=prepared.existing.last_lookup)
    warnings = existing_signature_warnings(prepared.file, {prepared.level.location: existing})
    if options.require_intact:
        check_intact(warnings)
    return warnings


def _build_purpose_code(purpose: SignaturePurpose | None, profile_default: int | None) -> PurposeCode | None:
    """Encode the requested purpose, or else the profile's default."""
    if purpose is None:
        if profile_default is None:
            return None
        purpose = SignaturePurpose(profile_default)
    return PurposeCode(value=str(purpose.value), scheme=PURPOSE_CODING_SCHEME, meaning=purpose.meaning)


def _check_algorithm(options: SignOptions) -> None:
    """Refuse a weak MAC algorithm unless it is allowed explicitly (PS3.15 C.1 and C.2, notes)."""
    if options.algorithm.is_weak and not options.allow_weak:
        raise WeakAlgorithm(
            f"{options.algorithm} is too weak for a new signature",
            hint="use SHA256, SHA384 or SHA512; allow weak algorithms only if the recipient supports nothing better",
            code="weak-algorithm",
        )


def _check_syntax(uid: str | None) -> None:
    """Refuse a MAC syntax that is not Explicit VR Little Endian (PS3.3 Table C.12-6)."""
    if uid is not None and not (TransferSyntax(uid).is_allowed_for_mac and TransferSyntax(uid).is_known):
        raise UsageError(
            f"{uid} cannot be the MAC calculation transfer syntax",
            hint=f"use a transfer syntax with Explicit VR Little Endian, such as {EXPLICIT_LITTLE_UID}",
        )


def _select_mac_syntax(requested: str | None, file: TransferSyntax, elements: tuple[int, ...]) -> str:
    """Select the requested syntax, or the file's own if it is allowed, or Explicit VR Little Endian."""
    if requested is None:
        return file.uid if file.is_allowed_for_mac and file.is_known else EXPLICIT_LITTLE_UID
    signed = TransferSyntax(requested)
    same = signed.uid == file.uid or not (signed.is_encapsulated or file.is_encapsulated)
    if not same and PIXEL_DATA in elements:
        raise UsageError(
            f"Pixel Data in {file.uid} cannot be signed in {requested}",
            hint="transcode the file first: a signature covers the pixels as they are stored",
        )
    return requested


def check_profile(plan: Plan, certificate: Certificate | None) -> None:
    """Check a plan against its profile.

    Args:
        plan: The planned signature.
        certificate: The signer's certificate; None to check only what does not depend on it.

    Raises:
        ProfileViolation: The profile is not met; the error has the findings.
    """
    if plan.profile is None:
        return
    view = LevelView(scan=plan.scan, location=plan.level.location)
    findings = plan.profile.check(view, build_signature_facts(plan.signature, certificate, frozenset(plan.elements)))
    violations = tuple(each for each in findings if each.outcome is Outcome.FAILED or certificate is not None)
    if violations:
        first = violations[0]
        raise ProfileViolation(
            f"{plan.profile.title} is not met: {first.message}",
            violations,
            hint=_HINTS.get(first.code) or f"see {plan.profile.reference}, or choose another profile",
            code=first.code,
        )
