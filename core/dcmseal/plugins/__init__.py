"""What plugins implement and use: hooks, protocols, the values that they exchange with dcmseal, and errors.

>>> from dcmseal.plugins import Signer, SignerBackend, hookimpl

Importing the package is cheap, because a plugin module is imported on every start: each name is imported when it is
first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmseal.lazy_exports import attach_exports


if TYPE_CHECKING:
    from dcmseal.errors import (
        CertificateMismatch as CertificateMismatch,
        CertificateNotValid as CertificateNotValid,
        CertificateUnreadable as CertificateUnreadable,
        ConcurrentModification as ConcurrentModification,
        DatasetError as DatasetError,
        DeviceRemoved as DeviceRemoved,
        DeviceReplaced as DeviceReplaced,
        DeviceUnavailable as DeviceUnavailable,
        KeyNotFound as KeyNotFound,
        MechanismUnavailable as MechanismUnavailable,
        ModuleUnusable as ModuleUnusable,
        OutputError as OutputError,
        PinLocked as PinLocked,
        PinRejected as PinRejected,
        PluginBroken as PluginBroken,
        PluginConflict as PluginConflict,
        PluginError as PluginError,
        PluginNotFound as PluginNotFound,
        ProfileError as ProfileError,
        SealError as SealError,
        SignerError as SignerError,
        StorageUnavailable as StorageUnavailable,
        TimestampError as TimestampError,
        TimestampRejected as TimestampRejected,
        TrustError as TrustError,
        UsageError as UsageError,
        WeakAlgorithm as WeakAlgorithm,
    )
    from dcmseal.findings import Aspect as Aspect, Finding as Finding, Outcome as Outcome
    from dcmseal.model.evidence_record import TrustMaterial as TrustMaterial
    from dcmseal.model.report import TimeBasis as TimeBasis
    from dcmseal.model.signature import CertifiedTime as CertifiedTime
    from dcmseal.plugins.archive_report import (
        ArchiveReport as ArchiveReport,
        AttentionFile as AttentionFile,
        FileCounts as FileCounts,
        MonthTotals as MonthTotals,
        ProfileTotals as ProfileTotals,
        SignatureCounts as SignatureCounts,
        SignerTotals as SignerTotals,
    )
    from dcmseal.plugins.certificate_files import (
        load_certificates as load_certificates,
        parse_certificates as parse_certificates,
    )
    from dcmseal.plugins.executor import BatchExecutor as BatchExecutor
    from dcmseal.plugins.hookspecs import (
        dcmseal_batch_executors as dcmseal_batch_executors,
        dcmseal_profiles as dcmseal_profiles,
        dcmseal_report_writers as dcmseal_report_writers,
        dcmseal_signer_backends as dcmseal_signer_backends,
        dcmseal_storages as dcmseal_storages,
        dcmseal_timestamp_backends as dcmseal_timestamp_backends,
        dcmseal_trust_backends as dcmseal_trust_backends,
        hookimpl as hookimpl,
    )
    from dcmseal.plugins.key_uri import KeyUri as KeyUri, escape_path as escape_path
    from dcmseal.plugins.profile import (
        DocumentProfile as DocumentProfile,
        ElementTables as ElementTables,
        Profile as Profile,
        ProfiledDataset as ProfiledDataset,
        Requirements as Requirements,
        SignatureFacts as SignatureFacts,
    )
    from dcmseal.plugins.profile_rules import (
        requirement_findings as requirement_findings,
        type_findings as type_findings,
    )
    from dcmseal.plugins.registry import PluginInfo as PluginInfo, Registry as Registry
    from dcmseal.plugins.report_writer import (
        CertificateFacts as CertificateFacts,
        ReportContext as ReportContext,
        ArchiveReportWriter as ArchiveReportWriter,
        ReportWriter as ReportWriter,
        ReportedFile as ReportedFile,
    )
    from dcmseal.plugins.signer_backend import (
        KeyListing as KeyListing,
        SecretRequest as SecretRequest,
        Secrets as Secrets,
        SignableMessage as SignableMessage,
        Signer as Signer,
        SignerBackend as SignerBackend,
    )
    from dcmseal.plugins.storage import (
        Storage as Storage,
        StorageEntry as StorageEntry,
        StoredObject as StoredObject,
        Write as Write,
    )
    from dcmseal.plugins.storage_urls import is_url as is_url, redact_secrets as redact_secrets
    from dcmseal.plugins.timestamp_backend import (
        RetryPolicy as RetryPolicy,
        TimestampBackend as TimestampBackend,
        TimestampQuery as TimestampQuery,
        TimestampResult as TimestampResult,
    )
    from dcmseal.plugins.tracebacks import strip_traceback as strip_traceback
    from dcmseal.plugins.trust import (
        RevocationMode as RevocationMode,
        Strictness as Strictness,
        TrustBackend as TrustBackend,
        TrustEvaluator as TrustEvaluator,
        TrustPurpose as TrustPurpose,
        TrustRequest as TrustRequest,
        TrustResult as TrustResult,
        TrustSettings as TrustSettings,
    )
    from dcmseal.terms import (
        CertificateType as CertificateType,
        KeyType as KeyType,
        MacAlgorithm as MacAlgorithm,
        SignaturePurpose as SignaturePurpose,
        TimestampType as TimestampType,
    )
    from dcmseal.text import escape_unprintable as escape_unprintable

_EXPORTS = {
    "dcmseal.errors": (
        "CertificateMismatch CertificateNotValid CertificateUnreadable ConcurrentModification DatasetError "
        "DeviceRemoved DeviceReplaced DeviceUnavailable KeyNotFound MechanismUnavailable ModuleUnusable "
        "OutputError PinLocked PinRejected PluginBroken PluginConflict PluginError PluginNotFound ProfileError "
        "SealError SignerError StorageUnavailable TimestampError TimestampRejected TrustError UsageError "
        "WeakAlgorithm"
    ),
    "dcmseal.findings": "Aspect Finding Outcome",
    "dcmseal.model.evidence_record": "TrustMaterial",
    "dcmseal.model.report": "TimeBasis",
    "dcmseal.model.signature": "CertifiedTime",
    "dcmseal.plugins.archive_report": (
        "ArchiveReport AttentionFile FileCounts MonthTotals ProfileTotals SignatureCounts SignerTotals"
    ),
    "dcmseal.plugins.certificate_files": "load_certificates parse_certificates",
    "dcmseal.plugins.executor": "BatchExecutor",
    "dcmseal.plugins.hookspecs": (
        "dcmseal_batch_executors dcmseal_profiles dcmseal_report_writers dcmseal_signer_backends dcmseal_storages "
        "dcmseal_timestamp_backends dcmseal_trust_backends hookimpl"
    ),
    "dcmseal.plugins.key_uri": "KeyUri escape_path",
    "dcmseal.plugins.profile": "DocumentProfile ElementTables Profile ProfiledDataset Requirements SignatureFacts",
    "dcmseal.plugins.profile_rules": "requirement_findings type_findings",
    "dcmseal.plugins.registry": "PluginInfo Registry",
    "dcmseal.plugins.report_writer": "ArchiveReportWriter CertificateFacts ReportContext ReportWriter ReportedFile",
    "dcmseal.plugins.signer_backend": "KeyListing SecretRequest Secrets SignableMessage Signer SignerBackend",
    "dcmseal.plugins.storage": "Storage StorageEntry StoredObject Write",
    "dcmseal.plugins.storage_urls": "is_url redact_secrets",
    "dcmseal.plugins.timestamp_backend": "RetryPolicy TimestampBackend TimestampQuery TimestampResult",
    "dcmseal.plugins.tracebacks": "strip_traceback",
    "dcmseal.plugins.trust": (
        "RevocationMode Strictness TrustBackend TrustEvaluator TrustPurpose TrustRequest TrustResult TrustSettings"
    ),
    "dcmseal.terms": "CertificateType KeyType MacAlgorithm SignaturePurpose TimestampType",
    "dcmseal.text": "escape_unprintable",
}

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = attach_exports(__name__, _EXPORTS)
