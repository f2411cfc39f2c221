"""Trust in signers: what a site believes, and what a backend that evaluates it implements.

>>> from dcmseal.plugins.trust import TrustSettings
>>> TrustSettings(anchors=("root.pem",), crls=("root.crl",)).revocation_mode
<RevocationMode.HARD: 'hard'>
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from dcmseal.errors import PluginBroken, TrustError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Origin

DEFAULT_SCHEME: Final = "x509"
"""Scheme of the backend that evaluates X.509 certificates (RFC 5280)."""


class RevocationMode(StrEnum):
    """What becomes of a certificate about whose revocation nothing is known."""

    OFF = "off"
    """Revocation is not looked at."""
    SOFT = "soft"
    """It is trusted if nothing speaks against it."""
    HARD = "hard"
    """Trust in it cannot be established."""


class Strictness(StrEnum):
    """How to take what proves less than it should: a weak algorithm, or a time that is only claimed."""

    ACCEPT = "accept"
    INDETERMINATE = "indeterminate"
    """Trust cannot be established."""
    REFUSE = "refuse"

    @property
    def outcome(self) -> Outcome:
        """Of a finding that says so."""
        match self:
            case Strictness.ACCEPT:
                return Outcome.PASSED
            case Strictness.INDETERMINATE:
                return Outcome.UNKNOWN
            case Strictness.REFUSE:
                return Outcome.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSettings:
    """What a site believes. Files are PEM or DER; a folder stands for the files in it.

    Nothing is trusted that is not named here: neither the operating system's authorities, nor certificates that come
    with a signature.
    """

    scheme: str = DEFAULT_SCHEME
    """Of the backend that evaluates them."""
    anchors: tuple[str, ...] = ()
    """Files and folders of the certificates that trust begins with."""
    system_anchors: bool = False
    """Trust the authorities of the operating system, too."""
    intermediates: tuple[str, ...] = ()
    """Files and folders of certificates between the signers' and the anchors; they are not trusted by themselves."""
    crls: tuple[str, ...] = ()
    ocsp_responses: tuple[str, ...] = ()
    """Files and folders of OCSP responses in DER."""
    material: TrustMaterial = field(default=TrustMaterial(), repr=False)
    """What does not come from files; of its anchors, all are trusted, and what cannot be read is passed over."""
    fetch: bool = False
    """Fetch CRLs and OCSP responses from where certificates that lead to an anchor say they are."""
    fetch_issuers: bool = False
    """Fetch issuers' certificates that are missing from where any certificate says they are: whoever makes a file can
    choose whom that calls."""
    timeout: float = 10.0
    """Seconds that each fetch may take."""
    revocation: RevocationMode | None = None
    """None is HARD if CRLs or OCSP responses are named, given or to be fetched, else SOFT."""
    key_usages: frozenset[str] = frozenset({"digital_signature", "non_repudiation"})
    """A certificate that states key usages has to state one of these (RFC 5280 4.2.1.3); if empty, any will do."""
    extended_key_usages: frozenset[str] = frozenset()
    """A certificate has to state one of these (RFC 5280 4.2.1.12), by name or OID; if empty, none is asked for."""
    pinned_certificates: frozenset[str] = frozenset()
    """SHA-256 fingerprints of the only certificates to trust, in hexadecimal; if empty, all are."""
    pinned_subjects: frozenset[str] = frozenset()
    """Subjects of the only certificates to trust, as RFC 4514 strings; if empty, all are."""
    claimed_time: Strictness = Strictness.INDETERMINATE
    """A signature whose certificate expired or was revoked after a time of signing that is only claimed."""
    weak: Strictness = Strictness.INDETERMINATE
    """Signatures and certificates made with weak algorithms or small keys."""
    now: dt.datetime | None = None
    """The present; None for the clock's."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """What another backend needs to know."""

    @property
    def has_revocation_sources(self) -> bool:
        """Whether CRLs or OCSP responses are named, given or to be fetched."""
        given = self.material.crls or self.material.ocsp_responses
        return bool(self.crls or self.ocsp_responses or self.fetch or given)

    @property
    def revocation_mode(self) -> RevocationMode:
        """What becomes of a certificate about whose revocation nothing is known."""
        return self.revocation or (RevocationMode.HARD if self.has_revocation_sources else RevocationMode.SOFT)


class TrustPurpose(StrEnum):
    """What a certificate is to be trusted for."""

    SIGNING = "signing"
    TIMESTAMPING = "timestamping"
    """Certifying the time (RFC 3161); pins are for signers, and say nothing of authorities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRequest:
    """Is this certificate to be trusted for a signature made at this moment?"""

    certificate: bytes = field(repr=False)
    """DER."""
    moment: dt.datetime
    basis: TimeBasis
    now: dt.datetime
    purpose: TrustPurpose = TrustPurpose.SIGNING
    other_certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """DER certificates that came with it: they may lead to an anchor, and are none."""
    collect_material: bool = False
    """The answer is to be repeated some day: it should come with the material."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustResult:
    """Findings of aspect TRUST, never empty, and the certificates that led to them."""

    findings: tuple[Finding, ...]
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """DER, the signer's first, the anchor last; empty if none leads to an anchor."""
    material: TrustMaterial = field(default=TrustMaterial(), repr=False)
    """All that the answer depends on besides settings and question, fetched or named, if that was asked for.

    Settings with this material and the same anchors, asked again, give the same answer.
    """


class TrustEvaluator(Protocol):
    """Trust settings made ready: files read, answers remembered."""

    def evaluate(self, request: TrustRequest) -> TrustResult:
        """Answer; what is wrong with a certificate is a finding, never an error."""
        ...


class TrustBackend(Protocol):
    """Evaluates trust in certificates in one way."""

    @property
    def scheme(self) -> str: ...
    @property
    def summary(self) -> str: ...

    def open(self, settings: TrustSettings) -> TrustEvaluator:
        """Make settings ready; raises TrustError if a file cannot be read, UsageError if they contradict each other."""
        ...


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)


class GuardedTrustBackend:
    """A TrustBackend whose failures are TrustError."""

    __slots__ = ("_backend", "_blame", "scheme", "summary")

    def __init__(self, backend: TrustBackend, origin: Origin) -> None:
        """Raise PluginBroken if ``backend`` is none."""
        with guard.Guard(f"a trust backend of {origin}", PluginBroken):
            self.scheme = guard.check_name(backend.scheme, _SCHEME, "scheme")
            self.summary = guard.check_text(backend.summary, "summary")
            guard.check_methods(backend, "open")
        self._backend = backend
        self._blame = f"the trust backend {self.scheme} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def open(self, settings: TrustSettings) -> TrustEvaluator:
        """Make settings ready; raises TrustError or UsageError."""
        with guard.Guard(self._blame, TrustError):
            evaluator = self._backend.open(settings)
            guard.check_methods(evaluator, "evaluate")
        return GuardedTrustEvaluator(evaluator, self._blame)


class GuardedTrustEvaluator:
    """A TrustEvaluator whose failures are TrustError."""

    __slots__ = ("_blame", "_evaluator")

    def __init__(self, evaluator: TrustEvaluator, blame: str) -> None:
        self._evaluator = evaluator
        self._blame = blame

    def evaluate(self, request: TrustRequest) -> TrustResult:
        """Answer; raises TrustError if the answer is none."""
        with guard.Guard(self._blame, TrustError):
            answer = guard.check_instance(self._evaluator.evaluate(request), TrustResult, "evaluate")
            findings = guard.check_tuple(answer.findings, Finding, "evaluate")
            guard.check_tuple(answer.chain, bytes, "evaluate")
            material = guard.check_instance(answer.material, TrustMaterial, "evaluate")
            for values in (material.anchors, material.certificates, material.crls, material.ocsp_responses):
                guard.check_tuple(values, bytes, "evaluate")
            if not findings or any(finding.aspect is not Aspect.TRUST for finding in findings):
                raise guard.InvalidAnswer("evaluate speaks of another aspect than trust, or of nothing")
            return answer
