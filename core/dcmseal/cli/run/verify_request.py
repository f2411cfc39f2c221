"""What ``dcmseal verify`` is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.cli.options.site_profiles import load_registry

if TYPE_CHECKING:
    from dcmseal.cli.options.archive_options import ArchiveOptions
    from dcmseal.cli.options.evidence_options import EvidenceOptions
    from dcmseal.cli.options.output_form import OutputForm
    from dcmseal.cli.options.report_options import ReportOptions
    from dcmseal.cli.options.verdict_settings import VerdictSettings
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.verification.signer_trust import Trust
    from dcmseal.verification.verification_options import VerifyOptions


class VerifyRequest(Struct, frozen=True, kw_only=True):
    """The files to verify, how strictly, and what to write about them."""

    files: tuple[str, ...]
    options: VerifyOptions
    """What to verify, without trust, certificates and details."""
    settings: VerdictSettings
    evidence: EvidenceOptions
    form: OutputForm
    reports: ReportOptions
    archive: ArchiveOptions | None = None
    """How to process many files; None for files given one by one."""
    config: str | None = None
    """The configuration file; None for the one of the user."""
    file_digest: bool = False
    """Whether to report the SHA-256 of the file."""
    manifest: str | None = None
    """A change manifest, or a folder of manifests."""
    timestamp_certificates: tuple[str, ...] = ()
    """Files with certificates of timestamp authorities."""

    def build_options(
        self, trust: Trust | TrustSettings | None, *, name_profiles: bool, count_coverage: bool, file_digest: bool
    ) -> VerifyOptions:
        """Build all options, and read the certificates; raises UsageError if a file contains none."""
        from dcmseal.cli.options.trust_options import load_certificates

        return self.options.replace(
            trust=trust,
            timestamp_certificates=load_certificates(self.timestamp_certificates),
            name_profiles=name_profiles,
            count_coverage=count_coverage,
            file_digest=file_digest,
        )

    def load_registry(self) -> Registry | None:
        """The plugins, if a policy needs profiles; raises UsageError or ProfileFileError."""
        return load_registry(self.config) if self.settings.policy is not None else None
