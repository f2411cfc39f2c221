"""Verification of many files as a task: the question is made ready once in each worker."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dcmseal.batch.items import Item
from dcmseal.batch.results import Form, Kind, Result
from dcmseal.batch.working import nothing_ends, worked_on
from dcmseal.exit_codes import ExitCode, code_of_verdict

if TYPE_CHECKING:
    from dcmseal.engine.policy import Policy
    from dcmseal.engine.references.folders import Folders
    from dcmseal.engine.verification import Question
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.report import VerificationReport

NO_ANCHOR: Final = "who signed it is not established, because no trust anchor is configured"
"""Why a file is not valid of which all is known but whom to trust."""
_ANY: Final = ("dcmseal.engine.asking", "dcmseal.engine.coverage", "dcmseal.engine.verification", "cryptography.x509")
"""Modules that are needed to verify any file."""
_PLUGINS: Final = ("dcmseal.plugins.registry", "dcmseal.engine.profile_view", "importlib.metadata", "pluggy")
"""Modules that are needed besides where plugins have a say."""
_FORM: Final = ("dcmseal.batch.result_documents",)
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
    detail: Form = Form.VALUE

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """What it takes to verify, and to tell of it."""
        with_plugins = self.name_profiles or self.policy is not None or self.trust is not None or self.require
        return (*_ANY, *(_PLUGINS if with_plugins else ()), *(() if self.detail is Form.VERDICT else _FORM))

    @property
    def output_folder(self) -> None:
        """Nothing is written."""

    @contextmanager
    def open(self) -> Generator[VerifyingWorker]:
        """Read what trust names, and find the profiles; raises TrustError, UsageError, ProfileError, PluginError."""
        from dcmseal.engine.asking import folders_of, question_of

        registry: Registry | None = None
        if self.profiles_folder is not None:
            from dcmseal.plugins.registry import installed

            registry = installed().with_profile_folder(self.profiles_folder)
        question = question_of(
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
        yield VerifyingWorker(question, folders_of(self.references or None), self.detail)

    def remove_leftovers(self, item: Item) -> None:
        """Nothing is ever left behind."""


class VerifyingWorker:
    """Verifies one file after the other."""

    def __init__(self, context: Question, folders: Folders | None, detail: Form) -> None:
        from dcmseal.engine.asking import answer

        self._verify_source = answer
        self._context = context
        self._folders = folders
        self._detail = detail

    def run(self, item: Item) -> Result:
        """Verify a file."""
        return worked_on(item, self._detail, self._verify, is_fatal=nothing_ends)

    def _verify(self, item: Item) -> Result:
        report = self._verify_source(item.source, self._context, self._folders)
        verdict = report.verdict
        exit_code = code_of_verdict(verdict)
        return Result(
            input=item,
            kind=Kind.VERIFIED,
            exit_code=exit_code,
            verdict=verdict.value,
            reason="" if exit_code is ExitCode.OK else _reason(report),
            value=None if self._detail is Form.VERDICT else report,
            is_partial=exit_code is ExitCode.OK and report.is_partial,
            instance=None if self._detail is Form.VERDICT else report.instance,
        )


def _reason(report: VerificationReport) -> str:
    """Why a file is not valid: the finding that decides, or that nobody was trusted."""
    from dcmseal.report import Verdict

    for each in report.deciding_findings:
        return f"{each.code}: {each.message}"
    return NO_ANCHOR if report.verdict is Verdict.NOT_ESTABLISHED else ""
