"""Verification of many files as a task: the question is made ready once in each worker."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.batch.items import Item
from dcmseal.batch.results import Form, Kind, Result
from dcmseal.batch.working import nothing_ends, worked_on
from dcmseal.exit_codes import code_of_verdict
from dcmseal.plugins.trust import TrustSettings
from dcmseal.report import Outcome, Verdict, VerificationReport

if TYPE_CHECKING:
    from dcmseal.engine.policy import Policy
    from dcmseal.engine.references.folders import Folders
    from dcmseal.engine.verification import Question


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
    profiles_folder: str | None = None
    """Folder with the profile files of the site."""
    form: Form = Form.ANSWER

    @contextmanager
    def open(self) -> Generator[VerifyingWorker]:
        """Read what trust names, and find the profiles; raises TrustError, UsageError, ProfileError, PluginError."""
        from dcmseal.engine.asking import folders_of, question_of
        from dcmseal.plugins.registry import installed

        registry = installed()
        if self.profiles_folder is not None:
            registry = registry.with_profiles_in(self.profiles_folder)
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
            registry=registry,
        )
        yield VerifyingWorker(question, folders_of(self.references or None), self.form)

    def tidy(self, item: Item) -> None:
        """Nothing is ever left behind."""


class VerifyingWorker:
    """Verifies one file after the other."""

    def __init__(self, question: Question, folders: Folders | None, form: Form) -> None:
        self._question = question
        self._folders = folders
        self._form = form

    def run(self, item: Item) -> Result:
        """Verify a file."""
        return worked_on(item, self._form, self._verified, ends_run=nothing_ends)

    def _verified(self, item: Item) -> Result:
        from dcmseal.engine.asking import answer

        report = answer(item.source, self._question, self._folders)
        verdict = report.verdict
        return Result(
            item=item,
            kind=Kind.VERIFIED,
            exit_code=code_of_verdict(verdict),
            verdict=verdict.value,
            reason="" if verdict is Verdict.VALID else _reason(report),
            answer=None if self._form is Form.VERDICT else report,
        )


def _reason(report: VerificationReport) -> str:
    """The first finding that keeps a file from being valid."""
    findings = [each for signature in report.signatures for each in signature.findings]
    findings += [*report.notes, *report.unmet, *report.references]
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
        for each in findings:
            if each.outcome is outcome:
                return f"{each.code}: {each.message}"
    return ""
