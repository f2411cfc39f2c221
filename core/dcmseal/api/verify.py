"""Questions about a Data Set, as applications ask them: each function opens its source, answers, and closes it.

>>> from dcmseal import signatures, verify
>>> verify("signed.dcm", integrity_only=True).verdict
<Verdict.VALID: 'valid'>
>>> [signature.mac_algorithm for signature in signatures("signed.dcm")]
['SHA256']
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from dcmseal.errors import UsageError
from dcmseal.findings import Outcome
from dcmseal.location import MAIN, Location, parse_location
from dcmseal.model.report import VerificationReport
from dcmseal.references.reference_folders import References, to_reference_folders
from dcmseal.sources.dataset_input import DatasetInput, open_source

if TYPE_CHECKING:
    from datetime import datetime

    from dcmseal.evidence.collect_or_replay import ReportHook
    from dcmseal.evidence.evidence_file import Evidence
    from dcmseal.model.coverage_map import CoverageMap
    from dcmseal.plugins.profile import Profile
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.policy.policy import Policy
    from dcmseal.policy.rule import Rule
    from dcmseal.references.reference_folders import ReferenceFolders
    from dcmseal.verification.context import VerificationContext
    from dcmseal.verification.signer_trust import Trust
    from dcmseal.verification.timestamp_checks import TimestampContext, TimestampMode


def verify(
    source: DatasetInput,
    *,
    uid: str | None = None,
    location: Location | str | None = None,
    require: Iterable[str | Profile | Rule] = (),
    policy: Policy | None = None,
    integrity_only: bool = False,
    accept_old_format: bool = False,
    timestamp: TimestampMode | str = "verify",
    timestamp_certificates: Iterable[bytes] = (),
    name_profiles: bool = True,
    trust: Trust | TrustSettings | None = None,
    references: References | None = None,
    keep_evidence: bool = False,
    evidence: Evidence | None = None,
    manifest: str | os.PathLike[str] | bytes | None = None,
    now: datetime | None = None,
    count_coverage: bool = False,
    file_digest: bool = False,
    registry: Registry | None = None,
) -> VerificationReport:
    """Verify signatures: one by ``uid``, all at one ``location``, or all at every level.

    ``require`` names profiles or profile files, or is other rules as ``Rule.parse`` reads them: each has to be met by
    one signature. ``policy`` is what is demanded of all signatures together: those at the main level, or at
    ``location``. ``integrity_only`` lets the verdict do
    without trust. ``accept_old_format`` takes the fragment format of DCMTK before 3.5.4 for valid.
    ``timestamp`` says whether certified timestamps are verified where they are (``verify``), demanded of every
    signature (``require``), or left alone (``ignore``); ``timestamp_certificates`` are DER certificates of authorities,
    for timestamps that come without. ``name_profiles`` False saves looking for plugins where nobody wants to know which
    profiles are met. ``trust`` says whom to believe: without it, trust stays unknown; ``Trust.open(settings)`` serves
    many files. ``references`` are folders with the instances that a document cites as evidence, which are then
    held against what it says of them (PS3.3 C.17.2.1). ``keep_evidence`` has the report come with its ``grounds``, for
    ``save_evidence``; ``evidence`` repeats a verdict by what was kept then. ``manifest`` is one that was made with a
    signature, its path or bytes: it names what was changed since, and decides nothing. ``now`` is the moment of
    verification, instead of that of ``trust`` or of the clock. ``count_coverage`` has the report say how many elements
    of the object signatures protect, and name what they do not; ``file_digest`` has it come with the file's SHA-256,
    for which the file is read once more. ``registry`` has the plugins, if
    not all that are installed: for profiles, timestamps and trust, and for storages if ``source`` is a URL. A bad
    signature is a finding of the report. Raises UsageError, DatasetError or one of its kinds, ProfileError or one of
    its kinds, PluginError, and TrustError if what ``trust`` names cannot be read.
    """
    finish: ReportHook | None = None
    if keep_evidence or evidence is not None:
        from dcmseal.evidence.collect_or_replay import prepare_evidence

        trust, finish = prepare_evidence(
            trust, evidence, registry, collect=keep_evidence, integrity_only=integrity_only
        )
    question = build_context(
        uid=uid,
        location=location,
        require=require,
        policy=policy,
        integrity_only=integrity_only,
        accept_old_format=accept_old_format,
        timestamp=timestamp,
        timestamp_certificates=_merge_certificates(timestamp_certificates, evidence),
        name_profiles=name_profiles,
        trust=trust,
        now=now,
        count_coverage=count_coverage,
        file_digest=file_digest,
        registry=registry,
    )
    return verify_source(
        source, question, to_reference_folders(references), registry, manifest=manifest, report_hook=finish
    )


def build_context(
    *,
    uid: str | None = None,
    location: Location | str | None = None,
    require: Iterable[str | Profile | Rule] = (),
    policy: Policy | None = None,
    integrity_only: bool = False,
    accept_old_format: bool = False,
    timestamp: TimestampMode | str = "verify",
    timestamp_certificates: Iterable[bytes] = (),
    name_profiles: bool = True,
    trust: Trust | TrustSettings | None = None,
    now: datetime | None = None,
    count_coverage: bool = False,
    file_digest: bool = False,
    registry: Registry | None = None,
) -> VerificationContext:
    """What ``verify`` is asked for, made ready for any number of files; raises as it does."""
    from dcmseal.verification.context import VerificationContext

    demanded = _build_policy(policy, tuple(require), registry)
    judge = _open_trust(trust, registry)
    if judge is not None and now is not None:
        judge = replace(judge, settings=replace(judge.settings, now=now))
    return VerificationContext(
        uid=uid,
        location=parse_location(location),
        profiles=_resolve_registry(registry).profiles() if name_profiles else (),
        required=demanded.profiles if demanded else (),
        policy=demanded,
        integrity_only=integrity_only,
        accept_old_format=accept_old_format,
        timestamp=_build_timestamp_context(
            _parse_timestamp_mode(timestamp, demanded), timestamp_certificates, registry, judge
        ),
        trust=judge,
        now=now,
        count_coverage=count_coverage,
        file_digest=file_digest,
    )


def verify_source(
    source: DatasetInput,
    context: VerificationContext,
    folders: ReferenceFolders | None = None,
    registry: Registry | None = None,
    *,
    manifest: str | os.PathLike[str] | bytes | None = None,
    report_hook: ReportHook | None = None,
) -> VerificationReport:
    """Verify a Data Set: each step adds its findings to one report.

    Args:
        source: the Data Set.
        context: what to verify, as ``build_context`` makes it.
        folders: where to look for cited instances; None if they are not checked.
        registry: the plugins, if not all that are installed.
        manifest: a change manifest, as bytes or the path of a file.
        report_hook: adds evidence to the report, or compares the report with evidence.

    Raises:
        DatasetError: if the Data Set cannot be read.
    """
    from dcmseal.verification.pipeline import verify_signatures

    with open_source(source, registry) as file:
        report = verify_signatures(file, context)
        if context.policy is not None:
            from dcmseal.policy.evaluate import evaluate_policy

            report.unmet += evaluate_policy(context.policy, report.signatures, context.location or MAIN)
        if folders is not None:
            from dcmseal.references.instance_checks import ReferenceOptions
            from dcmseal.references.reference_checks import reference_findings

            no_additions = context.policy is not None and context.policy.no_unsigned_additions
            options = ReferenceOptions(now=context.now, no_additions=no_additions)
            report.references += reference_findings(file, report.signatures, folders, options)
        if manifest is not None:
            from dcmseal.change_manifest.manifest_checks import load_manifest, manifest_findings

            data = manifest if isinstance(manifest, bytes) else load_manifest(manifest)
            report.manifest += manifest_findings(file, report.signatures, data)
        if context.count_coverage:
            from dcmseal.verification.object_coverage import compute_object_coverage

            report.coverage = compute_object_coverage(file, report.signatures)
        if context.file_digest:
            from dcmseal.verification.instance_identity import compute_file_digest

            report.file_digest = compute_file_digest(file)
        if report_hook is not None:
            report_hook(file, context, report)
        return report.build()


def map_coverage(
    source: DatasetInput,
    report: VerificationReport,
    *,
    show_values: bool = False,
    fold: bool = True,
    registry: Registry | None = None,
) -> CoverageMap:
    """Every Data Element at every level, and which signatures of a verification of the same source protect it.

    A signature that does not hold protects nothing. Items alike are folded into one unless ``fold`` is False. Values
    that might tell who the patient is (PS3.15 Table E.1-1, private elements, free text) are kept back unless
    ``show_values``. Raises UsageError, DatasetError or one of its kinds.
    """
    from dcmseal.coverage_map.map_builder import build_map

    with open_source(source, registry) as file:
        return build_map(file, report, show_values=show_values, fold=fold)


def _build_policy(
    policy: Policy | None, require: tuple[str | Profile | Rule, ...], registry: Registry | None
) -> Policy | None:
    """What is demanded, with its profiles found; raises UsageError, and ProfileError or one of its kinds."""
    if policy is None and not require:
        return None
    from dcmseal.policy.policy import Policy, to_rule

    whole = (policy or Policy()).with_rules(map(to_rule, require))
    return whole.resolve_profiles(lambda name: _resolve_registry(registry).profile(name))


def _parse_timestamp_mode(mode: TimestampMode | str, policy: Policy | None) -> TimestampMode:
    """What becomes of timestamps, if that is not against what is demanded; raises UsageError."""
    from dcmseal.verification.timestamp_checks import TimestampMode

    try:
        asked = TimestampMode(mode)
    except ValueError:
        known = ", ".join(TimestampMode)
        raise UsageError(f"{mode!r} is no way to deal with timestamps", hint=f"use one of {known}") from None
    if policy is None or not policy.needs_timestamps:
        return asked
    if asked is TimestampMode.IGNORE:
        raise UsageError("timestamps are to be ignored, but one is demanded", hint="leave one of the two out")
    return TimestampMode.REQUIRE if policy.timestamps else asked


def _build_timestamp_context(
    mode: TimestampMode, certificates: Iterable[bytes], registry: Registry | None, trust: Trust | None
) -> TimestampContext:
    """How timestamps are verified."""
    from dcmseal.verification.timestamp_checks import TimestampContext, authority_not_evaluated

    return TimestampContext(
        mode=mode,
        certificates=tuple(certificates),
        backend=lambda type_: _resolve_registry(registry).timestamp_backend(type_),
        evaluate_authority=trust.evaluate_authority if trust else authority_not_evaluated,
        weak_outcome=trust.settings.weak.outcome if trust else Outcome.UNKNOWN,
    )


def _merge_certificates(certificates: Iterable[bytes], evidence: Evidence | None) -> Iterable[bytes]:
    """Certificates of authorities, with those that were given when the verdict was found."""
    kept = evidence.record.timestamp_certificates if evidence else ()
    return dict.fromkeys((*certificates, *kept))


def _resolve_registry(registry: Registry | None) -> Registry:
    from dcmseal.plugins.registry import installed_registry

    return installed_registry() if registry is None else registry


def _open_trust(trust: Trust | TrustSettings | None, registry: Registry | None) -> Trust | None:
    if trust is None:
        return None
    from dcmseal.verification.signer_trust import Trust

    return trust if isinstance(trust, Trust) else Trust.open(trust, registry)
