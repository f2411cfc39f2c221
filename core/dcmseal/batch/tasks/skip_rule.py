"""Rules for skipping files that already have a signature: any, by a profile, for a purpose, or by a signer.

>>> SkipRule.parse("profile:base-rsa")
SkipRule(criterion=<SkipCriterion.PROFILE: 'profile'>, value='base-rsa')
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.errors import UsageError
from dcmseal.exit_codes import ExitCode
from dcmseal.model.report import SignatureReport
from dcmseal.model.verdict import Verdict
from dcmseal.terms import parse_purpose

if TYPE_CHECKING:
    from dcmseal.model.signature import DigitalSignature
    from dcmseal.plugins.registry import Registry
    from dcmseal.sources.dataset_input import DatasetInput


class SkipCriterion(StrEnum):
    """The property of an existing signature."""

    ANY = "any"
    PROFILE = "profile"
    PURPOSE = "purpose"
    SIGNER = "signer"


class SkipRule(Struct, frozen=True):
    """Which existing signatures make another unnecessary; they count only if the signed data is unchanged."""

    criterion: SkipCriterion
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> SkipRule:
        """Parse ``any``, ``profile:NAME``, ``purpose:PURPOSE`` or ``signer:SIGNER``.

        Args:
            text: The rule. PURPOSE is a number or name of CID 7007. SIGNER is the subject of a certificate (RFC 4514),
                its common name, or its SHA-256 fingerprint in hexadecimal.

        Raises:
            UsageError: The rule is invalid.
        """
        by, _, value = text.partition(":")
        if by not in SkipCriterion.__members__.values() or bool(value) is (by == SkipCriterion.ANY):
            raise UsageError(
                f"{text!r} does not say which signatures make another unnecessary",
                hint="write any, profile:NAME, purpose:PURPOSE or signer:SUBJECT",
            )
        if by == SkipCriterion.PURPOSE:
            value = str(parse_purpose(value).value)
        return cls(SkipCriterion(by), value)

    def check_profile(self, registry: Registry) -> None:
        """Raise UnknownProfile or PluginError if the rule names a profile that does not exist."""
        if self.criterion is SkipCriterion.PROFILE:
            registry.profile(self.value)

    def find_match(self, source: DatasetInput, registry: Registry) -> str:
        """Find a signature that matches the rule.

        Args:
            source: The Data Set.
            registry: The plugins.

        Returns:
            Its Digital Signature UID; empty without one.

        Raises:
            DatasetError: The Data Set cannot be read.
            PluginError: A plugin is missing or broken.
        """
        from dcmseal.api.inspect import signatures
        from dcmseal.api.verify import verify

        if not any(
            self.criterion is SkipCriterion.PROFILE or self._matches_signature(each.content)
            for each in signatures(source)
        ):
            return ""
        require = (self.value,) if self.criterion is SkipCriterion.PROFILE else ()
        report = verify(source, integrity_only=True, require=require, timestamp="ignore", registry=registry)
        return next((each.signature.uid for each in report.signatures if self._matches_report(each)), "")

    def _matches_report(self, report: SignatureReport) -> bool:
        if self.criterion is not SkipCriterion.PROFILE and not self._matches_signature(report.signature):
            return False
        if self.criterion is SkipCriterion.PROFILE and not any(each.code == "profile-met" for each in report.findings):
            return False
        return report.verdict is Verdict.VALID

    def _matches_signature(self, signature: DigitalSignature) -> bool:
        match self.criterion:
            case SkipCriterion.PURPOSE:
                return signature.purpose is not None and signature.purpose.value == self.value
            case SkipCriterion.SIGNER:
                return self.value in _signer_names(signature.certificate)
            case _:
                return True


def skip_result(item: InputFile, rules: Iterable[SkipRule], registry: Registry) -> BatchResult | None:
    """Return the result of an item that a rule skips; None if none does. Raises the errors of the rules."""
    for rule in rules:
        if uid := rule.find_match(item.source, registry):
            return BatchResult(
                input=item,
                kind=ResultKind.SKIPPED,
                exit_code=ExitCode.OK,
                verdict=ResultKind.SKIPPED.value,
                reason=f"signature {uid} makes another unnecessary",
            )
    return None


def _signer_names(der: bytes) -> tuple[str, ...]:
    """Return the names of the signer with a certificate."""
    from dcmseal.errors import CertificateNotValid
    from dcmseal.macro.signer_certificate import read_certificate
    from dcmseal.policy.distinguished_names import COMMON_NAME, subject_attributes

    try:
        certificate = read_certificate(der)
    except CertificateNotValid:
        return ()
    names = (str(value) for oid, value in subject_attributes(certificate) if oid == COMMON_NAME)
    return (certificate.subject, certificate.sha256, *names)
