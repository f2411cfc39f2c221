"""Verifying a Data Set.

>>> from dcmseal import verify
>>> verify("signed.dcm", integrity_only=True).verdict
<Verdict.VALID: 'valid'>
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

from msgspec.structs import replace

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.findings import Outcome
from dcmseal.location import MAIN
from dcmseal.model.report import VerificationReport
from dcmseal.sources.dataset_input import DatasetInput, open_source
from dcmseal.verification.verification_options import TimestampMode, VerifyKeywords, VerifyOptions

if TYPE_CHECKING:
    from dcmseal.evidence.collect_or_replay import ReportHook
    from dcmseal.evidence.evidence_file import Evidence
    from dcmseal.model.coverage_map import CoverageMap
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.registry_provider import RegistryProvider
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.sources.reference_folders import ReferenceFolders
    from dcmseal.verification.signer_trust import Trust
    from dcmseal.verification.timestamp_checks import TimestampContext
    from dcmseal.verification.verification_context import VerificationContext


def verify(
    source: DatasetInput,
    *,
    manifest: str | os.PathLike[str] | bytes | None = None,
    evidence: Evidence | None = None,
    keep_evidence: bool = False,
    registry: Registry | None = None,
    options: VerifyOptions | None = None,
    **keywords: Unpack[VerifyKeywords],
) -> VerificationReport:
    """Verify the signatures of a Data Set.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        manifest: The path or bytes of a manifest that was made with a signature: the report names what has changed
            since. It does not affect the verdict.
        evidence: Repeat the verdict with which this evidence was saved.
        keep_evidence: Collect the evidence for ``save_evidence``.
        registry: The plugins to use; None for all that are installed.
        options: The options as one value.
        **keywords: The options one by one; they are the fields of VerifyOptions and ``require``, and replace those of
            ``options``.

    Returns:
        The report. An invalid signature is a finding, not an error.

    Raises:
        UsageError: The arguments contradict each other or cannot be read.
        DatasetError: The Data Set cannot be read, or has no such item or signature.
        ProfileError: A required profile is unknown.
        TrustError: The files that ``trust`` names cannot be read.
        PluginError: A plugin is missing or broken.
    """
    asked = VerifyOptions.build(options, keywords)
    report_hook: ReportHook | None = None
    if keep_evidence or evidence is not None:
        from dcmseal.evidence.collect_or_replay import prepare_evidence

        trust, report_hook = prepare_evidence(
            asked.trust,
            evidence,
            provide_registry(registry),
            collect=keep_evidence,
            integrity_only=asked.integrity_only,
        )
        asked = asked.replace(trust=trust, timestamp_certificates=_merge_certificates(asked, evidence))
    return verify_source(
        source, build_context(asked, registry), asked.references, registry, manifest=manifest, report_hook=report_hook
    )


def build_context(options: VerifyOptions, registry: Registry | None = None) -> VerificationContext:
    """Prepare options for any number of files: load trust settings and profiles.

    Args:
        options: What to verify, and how strictly.
        registry: The plugins to use; None for all that are installed.

    Raises:
        ProfileError: A required profile is unknown.
        TrustError: The files that ``trust`` names cannot be read.
        PluginError: A plugin is missing or broken.
    """
    from dcmseal.verification.verification_context import VerificationContext

    plugins = provide_registry(registry)
    policy = options.policy and options.policy.resolve_profiles(lambda name: plugins().profile(name))
    trust = _to_trust(options.trust, registry)
    if trust is not None and options.now is not None:
        trust = replace(trust, settings=replace(trust.settings, now=options.now))
    return VerificationContext(
        uid=options.uid,
        location=options.location,
        profiles=plugins().profiles() if options.name_profiles else (),
        required=policy.profiles if policy else (),
        policy=policy,
        integrity_only=options.integrity_only,
        accept_old_format=options.accept_old_format,
        timestamp=_build_timestamp_context(options, plugins, trust),
        trust=trust,
        now=options.now,
        count_coverage=options.count_coverage,
        file_digest=options.file_digest,
    )


def open_trust(settings: TrustSettings, registry: Registry | None = None) -> Trust:
    """Read the files that trust settings name, for any number of verifications.

    Args:
        settings: Which signers to trust.
        registry: The plugins to use; None for all that are installed.

    Raises:
        TrustError: A file cannot be read.
        UsageError: The settings contradict each other.
        PluginError: No plugin supports the settings.
    """
    from dcmseal.verification.signer_trust import Trust

    return Trust.open(settings, provide_registry(registry)())


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

    with open_source(source, provide_registry(registry)) as file:
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
    """Map every Data Element at every level, and which signatures protect it.

    An invalid signature protects nothing.

    Args:
        source: The Data Set that was verified.
        report: The report of its verification.
        show_values: Include values that might identify the patient (PS3.15 Table E.1-1, private elements, free text).
        fold: Fold items with the same structure and coverage into one.
        registry: The plugins to use; None for all that are installed.

    Raises:
        DatasetError: The Data Set cannot be read, or has too many elements.
        UsageError: The source is of an unsupported type.
        PluginError: No plugin supports the URL.
    """
    from dcmseal.coverage_map.map_builder import build_map

    with open_source(source, provide_registry(registry)) as file:
        return build_map(file, report, show_values=show_values, fold=fold)


def _build_timestamp_context(
    options: VerifyOptions, registry: RegistryProvider, trust: Trust | None
) -> TimestampContext:
    """Build the context in which timestamps are verified."""
    from dcmseal.verification.timestamp_checks import TimestampContext, unevaluated_authority_findings

    is_required = options.policy is not None and options.policy.timestamps
    return TimestampContext(
        mode=TimestampMode.REQUIRE if is_required else options.timestamp,
        certificates=options.timestamp_certificates,
        backend=lambda type_: registry().timestamp_backend(type_),
        evaluate_authority=trust.evaluate_authority if trust else unevaluated_authority_findings,
        weak_outcome=trust.settings.weak.outcome if trust else Outcome.UNKNOWN,
    )


def _merge_certificates(options: VerifyOptions, evidence: Evidence | None) -> Iterable[bytes]:
    """Merge certificates of timestamp authorities with those in the evidence."""
    recorded = evidence.record.timestamp_certificates if evidence else ()
    return dict.fromkeys((*options.timestamp_certificates, *recorded))


def _to_trust(trust: Trust | TrustSettings | None, registry: Registry | None) -> Trust | None:
    if trust is None:
        return None
    from dcmseal.verification.signer_trust import Trust

    return trust if isinstance(trust, Trust) else open_trust(trust, registry)
