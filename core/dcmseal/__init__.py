"""DICOM Digital Signatures (PS3.15 Annex C): create, verify, list, explain and remove them.

>>> import dcmseal
>>> report = dcmseal.verify("signed.dcm", integrity_only=True)  # doctest: +SKIP
>>> report.verdict  # doctest: +SKIP
<Verdict.VALID: 'valid'>

Everything public is exported here: import from ``dcmseal``, ``dcmseal.plugins`` and ``dcmseal.testing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmseal.lazy_exports import attach_exports


if TYPE_CHECKING:
    from dcmseal.api.compare import compare as compare
    from dcmseal.api.evidence import save_evidence as save_evidence
    from dcmseal.api.inspect import (
        find_signature as find_signature,
        signatures as signatures,
        write_mac_stream as write_mac_stream,
    )
    from dcmseal.api.remove import remove as remove
    from dcmseal.api.report_files import (
        build_reported_file as build_reported_file,
        build_unverified_file as build_unverified_file,
        make_report_context as make_report_context,
        write_archive_report as write_archive_report,
        write_report as write_report,
    )
    from dcmseal.api.sign import plan_signing as plan_signing, sign as sign
    from dcmseal.api.timestamp import (
        add_timestamp as add_timestamp,
        attach_timestamp as attach_timestamp,
        build_timestamp_query as build_timestamp_query,
    )
    from dcmseal.api.verify import map_coverage as map_coverage, open_trust as open_trust, verify as verify
    from dcmseal.batch.batch_api import sign_many as sign_many, verify_many as verify_many
    from dcmseal.exit_codes import ExitCode as ExitCode
    from dcmseal.batch.inputs.discovery import iter_inputs as iter_inputs
    from dcmseal.batch.inputs.input_file import InputFile as InputFile, UnreadableInput as UnreadableInput
    from dcmseal.batch.inputs.shard import Shard as Shard
    from dcmseal.batch.journal.attention_reason import AttentionReason as AttentionReason
    from dcmseal.batch.journal.file_identity import FileIdentity as FileIdentity
    from dcmseal.batch.journal.journal_header import JournalHeader as JournalHeader
    from dcmseal.batch.journal.journal_merge import merge_journals as merge_journals
    from dcmseal.batch.journal.journal_reader import (
        JournalEntry as JournalEntry,
        JournalReader as JournalReader,
        JournalRun as JournalRun,
        JournalStatus as JournalStatus,
    )
    from dcmseal.batch.journal.journal_settings import JournalSettings as JournalSettings
    from dcmseal.batch.journal.result_summary import ResultSummary as ResultSummary
    from dcmseal.batch.journal.run_journal import Journal as Journal
    from dcmseal.batch.journal.signature_summary import SignatureSummary as SignatureSummary
    from dcmseal.batch.pool.executor_factory import ExecutorFactory as ExecutorFactory, parse_executor as parse_executor
    from dcmseal.batch.pool.runner import run_task as run_task
    from dcmseal.batch.result_kind import ResultDetail as ResultDetail, ResultKind as ResultKind
    from dcmseal.batch.results import BatchResult as BatchResult
    from dcmseal.batch.tasks.list_task import ListTask as ListTask
    from dcmseal.batch.tasks.placement import Placement as Placement
    from dcmseal.batch.tasks.plan_task import PlanTask as PlanTask
    from dcmseal.batch.tasks.sign_task import SignTask as SignTask
    from dcmseal.batch.tasks.skip_rule import SkipCriterion as SkipCriterion, SkipRule as SkipRule
    from dcmseal.batch.tasks.verify_task import VerifyTask as VerifyTask
    from dcmseal.comparison.changes import ChangeKind as ChangeKind
    from dcmseal.comparison.differences import (
        Comparison as Comparison,
        Difference as Difference,
        FilePart as FilePart,
        FrameRuns as FrameRuns,
    )
    from dcmseal.comparison.signed_paths import ComparedSignature as ComparedSignature
    from dcmseal.config.config_file import Config as Config, load_config as load_config
    from dcmseal.config.key_setup import KeySetup as KeySetup
    from dcmseal.config.pin_source import PinKind as PinKind, PinSource as PinSource
    from dcmseal.config.policy_setup import PolicySetup as PolicySetup
    from dcmseal.dataset.padding import PaddedElement as PaddedElement
    from dcmseal.documents.document_builders import (
        certificate_document as certificate_document,
        comparison_document as comparison_document,
        error_document as error_document,
        map_document as map_document,
        plan_document as plan_document,
        removal_document as removal_document,
        report_document as report_document,
        signature_document as signature_document,
        signatures_document as signatures_document,
        signing_document as signing_document,
        timestamping_document as timestamping_document,
    )
    from dcmseal.documents.verdict_document import verdict_document as verdict_document
    from dcmseal.errors import *  # noqa: F403 - all of its classes are exported
    from dcmseal.evidence.evidence_file import Evidence as Evidence
    from dcmseal.evidence.evidence_store import load_evidence as load_evidence
    from dcmseal.findings import Aspect as Aspect, Finding as Finding, Outcome as Outcome
    from dcmseal.location import Location as Location
    from dcmseal.macro.edit import RemovalResult as RemovalResult
    from dcmseal.macro.inspection import Signature as Signature, SignedElement as SignedElement
    from dcmseal.macro.signer_certificate import Certificate as Certificate
    from dcmseal.model.coverage_map import (
        CoverState as CoverState,
        CoverageMap as CoverageMap,
        CoverageTotals as CoverageTotals,
        MappedElement as MappedElement,
        MappedItem as MappedItem,
        MappedSignature as MappedSignature,
    )
    from dcmseal.model.evidence_record import (
        EvidenceRecord as EvidenceRecord,
        SignatureRecord as SignatureRecord,
        TrustMaterial as TrustMaterial,
    )
    from dcmseal.model.report import (
        Coverage as Coverage,
        CoverageGap as CoverageGap,
        Instance as Instance,
        ObjectCoverage as ObjectCoverage,
        SignatureReport as SignatureReport,
        SignerTrust as SignerTrust,
        TimeBasis as TimeBasis,
        VerificationReport as VerificationReport,
    )
    from dcmseal.model.signature import (
        CertifiedTime as CertifiedTime,
        DigitalSignature as DigitalSignature,
        MacParameters as MacParameters,
        PurposeCode as PurposeCode,
    )
    from dcmseal.model.verdict import Verdict as Verdict
    from dcmseal.output.output_file import OutputFile as OutputFile
    from dcmseal.output.destination import OutputTarget as OutputTarget
    from dcmseal.plugins.archive_report import ArchiveReport as ArchiveReport
    from dcmseal.plugins.profile import Profile as Profile, Requirements as Requirements
    from dcmseal.plugins.registry import PluginInfo as PluginInfo, Registry as Registry
    from dcmseal.plugins.report_writer import (
        CertificateFacts as CertificateFacts,
        ReportContext as ReportContext,
        ReportedFile as ReportedFile,
    )
    from dcmseal.plugins.signer_backend import (
        KeyListing as KeyListing,
        SecretRequest as SecretRequest,
        Secrets as Secrets,
        SignableMessage as SignableMessage,
        Signer as Signer,
    )
    from dcmseal.plugins.timestamp_backend import RetryPolicy as RetryPolicy, TimestampQuery as TimestampQuery
    from dcmseal.plugins.trust import (
        RevocationMode as RevocationMode,
        Strictness as Strictness,
        TrustSettings as TrustSettings,
    )
    from dcmseal.policy.evaluate import unmet_findings as unmet_findings
    from dcmseal.policy.policy import Policy as Policy
    from dcmseal.policy.rule import Rule as Rule
    from dcmseal.references.fill_references import FilledReference as FilledReference
    from dcmseal.signing.make import attach_signature as attach_signature, make_signature as make_signature
    from dcmseal.signing.signing_options import (
        PaddingMode as PaddingMode,
        SignKeywords as SignKeywords,
        SignOptions as SignOptions,
    )
    from dcmseal.signing.plan import Plan as Plan
    from dcmseal.signing.signing_result import SigningResult as SigningResult
    from dcmseal.signing.timestamp_request import (
        AuthorityBackoff as AuthorityBackoff,
        TimestampRequest as TimestampRequest,
    )
    from dcmseal.signing.timestamping import TimestampingResult as TimestampingResult
    from dcmseal.signing.warnings import SigningWarning as SigningWarning
    from dcmseal.sources.dataset_input import DatasetInput as DatasetInput
    from dcmseal.sources.reference_folders import ReferenceFolders as ReferenceFolders
    from dcmseal.terms import (
        CertificateType as CertificateType,
        KeyType as KeyType,
        MacAlgorithm as MacAlgorithm,
        SignaturePurpose as SignaturePurpose,
        TimestampType as TimestampType,
    )
    from dcmseal.verification.signer_trust import Trust as Trust
    from dcmseal.verification.verification_options import (
        TimestampMode as TimestampMode,
        VerifyKeywords as VerifyKeywords,
        VerifyOptions as VerifyOptions,
    )
    from dcmseal.verification.timestamp_checks import TimestampVerification as TimestampVerification
    from dcmseal.version import __version__ as __version__

_EXPORTS = {
    "dcmseal.api.compare": "compare",
    "dcmseal.api.evidence": "save_evidence",
    "dcmseal.api.inspect": "find_signature signatures write_mac_stream",
    "dcmseal.api.remove": "remove",
    "dcmseal.api.report_files": (
        "build_reported_file build_unverified_file make_report_context write_archive_report write_report"
    ),
    "dcmseal.api.sign": "plan_signing sign",
    "dcmseal.api.timestamp": "add_timestamp attach_timestamp build_timestamp_query",
    "dcmseal.api.verify": "map_coverage open_trust verify",
    "dcmseal.batch.batch_api": "sign_many verify_many",
    "dcmseal.exit_codes": "ExitCode",
    "dcmseal.batch.inputs.discovery": "iter_inputs",
    "dcmseal.batch.inputs.input_file": "InputFile UnreadableInput",
    "dcmseal.batch.inputs.shard": "Shard",
    "dcmseal.batch.journal.attention_reason": "AttentionReason",
    "dcmseal.batch.journal.file_identity": "FileIdentity",
    "dcmseal.batch.journal.journal_header": "JournalHeader",
    "dcmseal.batch.journal.journal_merge": "merge_journals",
    "dcmseal.batch.journal.journal_reader": "JournalEntry JournalReader JournalRun JournalStatus",
    "dcmseal.batch.journal.journal_settings": "JournalSettings",
    "dcmseal.batch.journal.result_summary": "ResultSummary",
    "dcmseal.batch.journal.run_journal": "Journal",
    "dcmseal.batch.journal.signature_summary": "SignatureSummary",
    "dcmseal.batch.pool.executor_factory": "ExecutorFactory parse_executor",
    "dcmseal.batch.pool.runner": "run_task",
    "dcmseal.batch.result_kind": "ResultDetail ResultKind",
    "dcmseal.batch.results": "BatchResult",
    "dcmseal.batch.tasks.list_task": "ListTask",
    "dcmseal.batch.tasks.placement": "Placement",
    "dcmseal.batch.tasks.plan_task": "PlanTask",
    "dcmseal.batch.tasks.sign_task": "SignTask",
    "dcmseal.batch.tasks.skip_rule": "SkipCriterion SkipRule",
    "dcmseal.batch.tasks.verify_task": "VerifyTask",
    "dcmseal.comparison.changes": "ChangeKind",
    "dcmseal.comparison.differences": "Comparison Difference FilePart FrameRuns",
    "dcmseal.comparison.signed_paths": "ComparedSignature",
    "dcmseal.config.config_file": "Config load_config",
    "dcmseal.config.key_setup": "KeySetup",
    "dcmseal.config.pin_source": "PinKind PinSource",
    "dcmseal.config.policy_setup": "PolicySetup",
    "dcmseal.dataset.padding": "PaddedElement",
    "dcmseal.documents.document_builders": (
        "certificate_document comparison_document error_document map_document plan_document removal_document "
        "report_document signature_document signatures_document signing_document timestamping_document"
    ),
    "dcmseal.documents.verdict_document": "verdict_document",
    "dcmseal.errors": (
        "AlreadySigned AmbiguousStructure CertificateMismatch CertificateNotValid CertificateUnreadable "
        "ConcurrentModification DatasetError DeviceRemoved DeviceReplaced DeviceUnavailable EvidenceError "
        "InstanceAmbiguous InstanceNotFound InternalError Interrupted JournalError KeyNotFound Malformed "
        "MechanismUnavailable ModuleUnusable NoSuchItem NoSuchSignature NotDicom NotIntact NotSignable OutputError "
        "PinLocked PinRejected PluginBroken PluginConflict PluginError PluginNotFound ProcessDied ProfileError "
        "ProfileFileError ProfileViolation SealError SignerError StorageUnavailable TimestampError "
        "TimestampRejected TrustError UnknownProfile UsageError WeakAlgorithm"
    ),
    "dcmseal.evidence.evidence_file": "Evidence",
    "dcmseal.evidence.evidence_store": "load_evidence",
    "dcmseal.findings": "Aspect Finding Outcome",
    "dcmseal.location": "Location",
    "dcmseal.macro.edit": "RemovalResult",
    "dcmseal.macro.inspection": "Signature SignedElement",
    "dcmseal.macro.signer_certificate": "Certificate",
    "dcmseal.model.coverage_map": "CoverState CoverageMap CoverageTotals MappedElement MappedItem MappedSignature",
    "dcmseal.model.evidence_record": "EvidenceRecord SignatureRecord TrustMaterial",
    "dcmseal.model.report": (
        "Coverage CoverageGap Instance ObjectCoverage SignatureReport SignerTrust TimeBasis VerificationReport"
    ),
    "dcmseal.model.signature": "CertifiedTime DigitalSignature MacParameters PurposeCode",
    "dcmseal.model.verdict": "Verdict",
    "dcmseal.output.output_file": "OutputFile",
    "dcmseal.output.destination": "OutputTarget",
    "dcmseal.plugins.archive_report": "ArchiveReport",
    "dcmseal.plugins.profile": "Profile Requirements",
    "dcmseal.plugins.registry": "PluginInfo Registry",
    "dcmseal.plugins.report_writer": "CertificateFacts ReportContext ReportedFile",
    "dcmseal.plugins.signer_backend": "KeyListing SecretRequest Secrets SignableMessage Signer",
    "dcmseal.plugins.timestamp_backend": "RetryPolicy TimestampQuery",
    "dcmseal.plugins.trust": "RevocationMode Strictness TrustSettings",
    "dcmseal.policy.evaluate": "unmet_findings",
    "dcmseal.policy.policy": "Policy",
    "dcmseal.policy.rule": "Rule",
    "dcmseal.references.fill_references": "FilledReference",
    "dcmseal.signing.make": "attach_signature make_signature",
    "dcmseal.signing.signing_options": "PaddingMode SignKeywords SignOptions",
    "dcmseal.signing.plan": "Plan",
    "dcmseal.signing.signing_result": "SigningResult",
    "dcmseal.signing.timestamp_request": "AuthorityBackoff TimestampRequest",
    "dcmseal.signing.timestamping": "TimestampingResult",
    "dcmseal.signing.warnings": "SigningWarning",
    "dcmseal.sources.dataset_input": "DatasetInput",
    "dcmseal.sources.reference_folders": "ReferenceFolders",
    "dcmseal.terms": "CertificateType KeyType MacAlgorithm SignaturePurpose TimestampType",
    "dcmseal.verification.signer_trust": "Trust",
    "dcmseal.verification.verification_options": "TimestampMode VerifyKeywords VerifyOptions",
    "dcmseal.verification.timestamp_checks": "TimestampVerification",
    "dcmseal.version": "__version__",
}

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = attach_exports(__name__, _EXPORTS)
