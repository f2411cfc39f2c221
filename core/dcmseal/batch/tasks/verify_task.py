"""Verification of many files as a task: the question is made ready once in each worker."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dcmseal.batch.exit_codes import ExitCode, verdict_exit_code
from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.results import BatchResult, ResultDetail, ResultKind
from dcmseal.batch.tasks.item_runner import never_fatal, run_item

if TYPE_CHECKING:
    from dcmseal.model.report import VerificationReport
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.policy.policy import Policy
    from dcmseal.references.reference_folders import ReferenceFolders
    from dcmseal.verification.context import VerificationContext

NO_TRUST_ANCHOR: Final = "who signed it is not established, because no trust anchor is configured"
"""Why a file is not valid of which all is known but whom to trust."""
_MODULES: Final = (
    "dcmseal.api.verify",
    "dcmseal.verification.level_coverage",
    "dcmseal.verification.pipeline",
    "cryptography.x509",
)
"""Modules that are needed to verify any file."""
_PLUGIN_MODULES: Final = ("dcmseal.plugins.registry", "dcmseal.macro.profile_view", "importlib.metadata", "pluggy")
"""Modules that are needed besides where plugins have a say."""
_DOCUMENT_MODULES: Final = ("dcmseal.batch.result_documents",)
"""Modules that are needed besides where more than the verdict is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTask:
    """What ``dcmseal.verify`` is asked, as values; see there."""

    uid: str | None = None
    location: str | None = None
    require: tuple[str, ...] = ()
    """Names of profiles, profile files, or rules as text."""
    policy: Policy | None = None
    integrity_only: bool = False
    accept_old_format: bool = False
    timestamp: str = "verify"
    timestamp_certificates: tuple[bytes, ...] = ()
    name_profiles: bool = True
    trust: TrustSettings | None = None
    references: tuple[str, ...] = ()
    """Folders with the instances that documents cite."""
    count_coverage: bool = False
    file_digest: bool = False
    profiles_folder: str | None = None
    """Folder with the profile files of the site."""
    detail: ResultDetail = ResultDetail.VALUE

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """What it takes to verify, and to tell of it."""
        with_plugins = self.name_profiles or self.policy is not None or self.trust is not None or self.require
        return (
            *_MODULES,
            *(_PLUGIN_MODULES if with_plugins else ()),
            *(() if self.detail is ResultDetail.VERDICT else _DOCUMENT_MODULES),
        )

    @property
    def output_folder(self) -> None:
        """Nothing is written."""

    @contextmanager
    def open(self) -> Generator[VerifyingWorker]:
        """Read what trust names, and find the profiles; raises TrustError, UsageError, ProfileError, PluginError."""
        from dcmseal.api.verify import build_context
        from dcmseal.references.reference_folders import to_reference_folders

        registry: Registry | None = None
        if self.profiles_folder is not None:
            from dcmseal.plugins.registry import installed_registry

            registry = installed_registry().with_profile_folder(self.profiles_folder)
        question = build_context(
            uid=self.uid,
            location=self.location,
            require=self.require,
            policy=self.policy,
            integrity_only=self.integrity_only,
            accept_old_format=self.accept_old_format,
            timestamp=self.timestamp,
            timestamp_certificates=self.timestamp_certificates,
            name_profiles=self.name_profiles,
            trust=self.trust,
            count_coverage=self.count_coverage,
            file_digest=self.file_digest,
            registry=registry,
        )
        yield VerifyingWorker(question, to_reference_folders(self.references or None), self.detail)

    def remove_leftovers(self, item: InputFile) -> None:
        """Nothing is ever left behind."""


class VerifyingWorker:
    """Verifies one file after the other."""

    def __init__(self, context: VerificationContext, folders: ReferenceFolders | None, detail: ResultDetail) -> None:
        from dcmseal.api.verify import verify_source

        self._verify_source = verify_source
        self._context = context
        self._folders = folders
        self._detail = detail

    def run(self, item: InputFile) -> BatchResult:
        """Verify a file."""
        return run_item(item, self._detail, self._verify, is_fatal=never_fatal)

    def _verify(self, item: InputFile) -> BatchResult:
        report = self._verify_source(item.source, self._context, self._folders)
        verdict = report.verdict
        exit_code = verdict_exit_code(verdict)
        return BatchResult(
            input=item,
            kind=ResultKind.VERIFIED,
            exit_code=exit_code,
            verdict=verdict.value,
            reason="" if exit_code is ExitCode.OK else _format_reason(report),
            value=None if self._detail is ResultDetail.VERDICT else report,
            is_partial=exit_code is ExitCode.OK and report.is_partial,
            instance=None if self._detail is ResultDetail.VERDICT else report.instance,
        )


def _format_reason(report: VerificationReport) -> str:
    """Why a file is not valid: the finding that decides, or that nobody was trusted."""
    from dcmseal.model.verdict import Verdict

    for each in report.deciding_findings:
        return f"{each.code}: {each.message}"
    return NO_TRUST_ANCHOR if report.verdict is Verdict.NOT_ESTABLISHED else ""
