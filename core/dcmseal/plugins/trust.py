"""Trust settings, and the interface of plugins that evaluate trust in certificates.

>>> from dcmseal.plugins.trust import TrustSettings
>>> TrustSettings(anchors=("root.pem",), crls=("root.crl",)).revocation_mode
<RevocationMode.HARD: 'hard'>
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct, field

from dcmseal.errors import PluginBroken, TrustError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.plugins import guard
from dcmseal.plugins.guard import Guard, Origin
from dcmseal.representation import format_fields

DEFAULT_SCHEME: Final = "x509"
"""Scheme of the backend that evaluates X.509 certificates (RFC 5280)."""


class RevocationMode(StrEnum):
    """How to treat a certificate whose revocation status is unknown."""

    OFF = "off"
    """Do not check revocation."""
    SOFT = "soft"
    """Trust the certificate unless it is known to be revoked."""
    HARD = "hard"
    """Trust cannot be established."""


class Strictness(StrEnum):
    """How to treat weak evidence, such as a weak algorithm or a time that is only claimed."""

    ACCEPT = "accept"
    INDETERMINATE = "indeterminate"
    """Trust cannot be established."""
    REFUSE = "refuse"

    @property
    def outcome(self) -> Outcome:
        """The outcome of the finding that reports it."""
        match self:
            case Strictness.ACCEPT:
                return Outcome.PASSED
            case Strictness.INDETERMINATE:
                return Outcome.UNKNOWN
            case Strictness.REFUSE:
                return Outcome.FAILED


class TrustSettings(Struct, frozen=True, kw_only=True):
    """What a site trusts. Files are PEM or DER; a folder includes all files in it.

    Only anchors named here are trusted: neither those of the operating system, unless ``system_anchors`` is set, nor
    certificates that come with a signature.
    """

    scheme: str = DEFAULT_SCHEME
    """Scheme of the trust backend that evaluates certificates."""
    anchors: tuple[str, ...] = ()
    """Files and folders with trust anchors."""
    system_anchors: bool = False
    """Also trust the authorities that the operating system trusts."""
    intermediates: tuple[str, ...] = ()
    """Files and folders with certificates between signers and anchors; they are not trusted by themselves."""
    crls: tuple[str, ...] = ()
    """Files and folders with CRLs."""
    ocsp_responses: tuple[str, ...] = ()
    """Files and folders with OCSP responses in DER."""
    material: TrustMaterial = TrustMaterial()
    """Material in memory. All of its anchors are trusted, and values that cannot be parsed are ignored."""
    fetch: bool = False
    """Fetch CRLs and OCSP responses from the addresses in certificates that have a path to an anchor."""
    fetch_issuers: bool = False
    """Fetch missing issuer certificates from the addresses in any certificate. The author of a file can thereby choose
    which server is contacted."""
    timeout: float = 10.0
    """Seconds that each download may take."""
    revocation: RevocationMode | None = None
    """None means HARD if there are CRLs or OCSP responses, or ``fetch`` is set; otherwise SOFT."""
    key_usages: frozenset[str] = frozenset({"digital_signature", "non_repudiation"})
    """Key usages, one of which a certificate with this extension must have (RFC 5280 4.2.1.3); empty for any."""
    extended_key_usages: frozenset[str] = frozenset()
    """Extended key usages by name or OID, one of which a certificate must have (RFC 5280 4.2.1.12); empty for any."""
    pinned_certificates: frozenset[str] = frozenset()
    """SHA-256 fingerprints, in hexadecimal, of the only certificates to trust; empty for no restriction."""
    pinned_subjects: frozenset[str] = frozenset()
    """Subjects, as RFC 4514 strings, of the only certificates to trust; empty for no restriction."""
    claimed_time: Strictness = Strictness.INDETERMINATE
    """How to treat signatures with a claimed time, whose certificate has expired or was revoked after that time."""
    weak: Strictness = Strictness.INDETERMINATE
    """How to treat weak algorithms and small keys, in signatures and certificates."""
    now: dt.datetime | None = None
    """The time of verification; None for the current time."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Options of the trust backend, if it has any."""

    @property
    def has_revocation_sources(self) -> bool:
        """Whether there are CRLs or OCSP responses, in files, in memory, or to be fetched."""
        given = self.material.crls or self.material.ocsp_responses
        return bool(self.crls or self.ocsp_responses or self.fetch or given)

    @property
    def revocation_mode(self) -> RevocationMode:
        """How to treat a certificate whose revocation status is unknown."""
        return self.revocation or (RevocationMode.HARD if self.has_revocation_sources else RevocationMode.SOFT)

    def __repr__(self) -> str:
        return format_fields(self, hidden=("material",))


class TrustPurpose(StrEnum):
    """The use for which a certificate is evaluated."""

    SIGNING = "signing"
    TIMESTAMPING = "timestamping"
    """Certifying the time (RFC 3161); pins restrict signers, not timestamp authorities."""


class TrustRequest(Struct, frozen=True, kw_only=True):
    """The question whether a certificate is trusted for a signature made at a given time."""

    certificate: bytes
    """DER."""
    moment: dt.datetime
    """The time of the signature."""
    basis: TimeBasis
    """How the time of the signature is known."""
    now: dt.datetime
    """The current time."""
    purpose: TrustPurpose = TrustPurpose.SIGNING
    other_certificates: tuple[bytes, ...] = ()
    """DER certificates from the same source: candidates for the path to an anchor, but not anchors themselves."""
    collect_material: bool = False
    """Whether the result has to include the material it is based on, so that it can be reproduced later."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("certificate", "other_certificates"))


class TrustResult(Struct, frozen=True, kw_only=True):
    """Findings of aspect TRUST (at least one), and the certification path they are based on."""

    findings: tuple[Finding, ...]
    chain: tuple[bytes, ...] = ()
    """DER, from the signer's certificate to the anchor; empty if no path to an anchor was found."""
    material: TrustMaterial = TrustMaterial()
    """Everything the result depends on besides settings and request, if the request asks for it.

    The same request, with this material in the settings, gives the same result.
    """

    def __repr__(self) -> str:
        return format_fields(self, hidden=("chain", "material"))


class TrustEvaluator(Protocol):
    """Evaluates certificates by trust settings that have been loaded."""

    def evaluate(self, request: TrustRequest) -> TrustResult:
        """Evaluate a certificate; every problem with it is a finding."""
        ...


class TrustBackend(Protocol):
    """Evaluates trust in certificates in one way, which trust settings select by its scheme."""

    @property
    def scheme(self) -> str:
        """The value of ``TrustSettings.scheme`` that selects the backend."""
        ...

    @property
    def summary(self) -> str:
        """One line for the list of plugins."""
        ...

    def open(self, settings: TrustSettings) -> TrustEvaluator:
        """Load the files that the settings name.

        Raises:
            TrustError: A file cannot be read.
            UsageError: The settings contradict each other, or the backend does not support one of them.
        """
        ...


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)


class GuardedTrustBackend:
    """A TrustBackend that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_backend", "_blame", "_guard", "scheme", "summary")

    def __init__(self, backend: TrustBackend, origin: Origin) -> None:
        with Guard(f"a trust backend of {origin}", PluginBroken):
            self.scheme = guard.check_name(backend.scheme, _SCHEME, "scheme")
            self.summary = guard.check_text(backend.summary, "summary")
            guard.check_methods(backend, "open")
        self._backend = backend
        self._blame = f"the trust backend {self.scheme} of {origin}"
        self._guard = Guard(self._blame, TrustError)

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def open(self, settings: TrustSettings) -> TrustEvaluator:
        with self._guard:
            evaluator = self._backend.open(settings)
            guard.check_methods(evaluator, "evaluate")
        return GuardedTrustEvaluator(evaluator, self._guard)


class GuardedTrustEvaluator:
    """A TrustEvaluator that checks what the plugin returns, and raises errors of dcmseal only."""

    __slots__ = ("_evaluator", "_guard")

    def __init__(self, evaluator: TrustEvaluator, evaluator_guard: Guard) -> None:
        self._evaluator = evaluator
        self._guard = evaluator_guard

    def evaluate(self, request: TrustRequest) -> TrustResult:
        with self._guard:
            result = guard.check_instance(self._evaluator.evaluate(request), TrustResult, "evaluate")
            findings = guard.check_tuple(result.findings, Finding, "evaluate")
            guard.check_tuple(result.chain, bytes, "evaluate")
            material = guard.check_instance(result.material, TrustMaterial, "evaluate")
            for values in (material.anchors, material.certificates, material.crls, material.ocsp_responses):
                guard.check_tuple(values, bytes, "evaluate")
            if not findings or any(finding.aspect is not Aspect.TRUST for finding in findings):
                raise guard.InvalidAnswer("evaluate returned no findings, or findings of another aspect than trust")
            return result
