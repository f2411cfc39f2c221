"""Evaluates trust in certificates, and caches the results, because many signatures share few certificates."""

# Kept apart: imports pyhanko-certvalidator, which listing plugins must not do.

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace
from pyhanko_certvalidator.path import ValidationPath

from dcmseal.findings import Finding, Outcome
from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode, TrustPurpose, TrustRequest, TrustResult, TrustSettings
from dcmseal_trust.certificate_checks import fitness_findings, trust_finding, weakness_findings
from dcmseal_trust.certification_paths import NoPath, find_path, is_valid_at, path_certificates, subject_name
from dcmseal_trust.crls import Crl
from dcmseal_trust.fetcher import DEFAULT_LIMITS, EvaluatorLimits, Fetcher, find_path_fetching
from dcmseal_trust.ocsp import OcspResponse
from dcmseal_trust.relevant_material import MaterialIndex
from dcmseal_trust.revocation import format_reason, partial_paths, status_at
from dcmseal_trust.revocation_status import RevocationState, RevocationStatus
from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.validity_intervals import ValidityIntervals
from dcmseal_trust.x509_certificates import (
    RefusedObject,
    Rfc5280Violation,
    X509Certificate,
    iter_usable,
    parse_certificate,
)

_MAX_FETCHED: Final = 256
_MAX_EMBEDDED: Final = 6
"""Maximum number of certificates from a file, because circular ones are tried in every order."""
_REVOCATION: Final = "RFC 5280 6.3"
_POE: Final = "ETSI EN 319 102-1 5.2"
_TIME_PHRASES: Final = {
    TimeBasis.CERTIFIED: "at the certified time",
    TimeBasis.CLAIMED: "at the time of signing, which is only claimed",
    TimeBasis.NOW: "now",
}


class X509Evaluator:
    """Evaluates certificates against trust settings and loaded material."""

    def __init__(
        self, settings: TrustSettings, material: LoadedMaterial, limits: EvaluatorLimits = DEFAULT_LIMITS
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._configured = material
        self._fetcher = Fetcher(settings.timeout, limits) if settings.fetch or settings.fetch_issuers else None
        self._use_material(material)

    def _use_material(self, material: LoadedMaterial) -> None:
        """Replace the material, and clear all caches that depend on it."""
        self._material = material
        self._intervals = ValidityIntervals(material)
        self._material_index: MaterialIndex | None = None
        self._results: dict[object, TrustResult] = {}

    def evaluate(self, request: TrustRequest) -> TrustResult:
        """Evaluate trust in a certificate.

        Results are cached for times between which no validity period begins or ends.
        """
        # certificates have a resolution of one second (RFC 5280 4.1.2.5)
        moment, now = (each.astimezone(dt.UTC).replace(microsecond=0) for each in (request.moment, request.now))
        request = replace(request, moment=moment, now=now)
        result = self._results.get(self._cache_key(request))
        if result is None:
            result = self._evaluate(request)
            # without a path, the validity of fetched issuers is unknown
            if result.chain or not self._settings.fetch_issuers:
                self._cache(request, result)
        return result

    def _cache(self, request: TrustRequest, result: TrustResult) -> None:
        if len(self._results) >= self._limits.max_results:
            self._results.clear()
        # fetched material may have changed the intervals, and thereby the key
        self._results[self._cache_key(request)] = result

    def _cache_key(self, request: TrustRequest) -> object:
        certificates = request.certificate, *request.other_certificates[:_MAX_EMBEDDED]
        moments = request.moment, request.now
        intervals = tuple(self._intervals.interval_index(each, moment) for each in certificates for moment in moments)
        fetch_period = request.now.timestamp() // self._limits.cache_seconds if self._fetcher else 0
        is_past = request.moment <= request.now
        count = len(request.other_certificates)
        options = request.purpose, request.basis, request.collect_material
        return certificates, count, options, is_past, fetch_period, intervals

    def _evaluate(self, request: TrustRequest) -> TrustResult:
        try:
            leaf = parse_certificate(request.certificate)
            result = self._evaluate_certificate(leaf, request)
            return replace(result, findings=(*result.findings, *_ignored_findings(request)))
        except RefusedObject as error:
            outcome = Outcome.FAILED if isinstance(error, Rfc5280Violation) else Outcome.UNKNOWN
            message = f"the certificate must not be used: {error}"
            return TrustResult(findings=(trust_finding(outcome, "certificate-refused", message),))
        except Exception as error:  # noqa: BLE001 - hostile certificates cause many exceptions
            # the certificate may be valid nevertheless
            message = f"the certificate, or one in its chain, cannot be evaluated ({type(error).__name__})"
            return TrustResult(findings=(trust_finding(Outcome.UNKNOWN, "certificate-not-evaluable", message),))

    def _evaluate_certificate(self, leaf: X509Certificate, request: TrustRequest) -> TrustResult:
        findings = [*fitness_findings(leaf, self._settings, request.purpose)]
        try:
            path = self._find_path(leaf, tuple(iter_usable(request.other_certificates[:_MAX_EMBEDDED])), request.moment)
        except NoPath as none:
            message = f"{none.message} ({_TIME_PHRASES[request.basis]})"
            findings.append(trust_finding(none.outcome, none.code, message, clause="RFC 5280 6"))
            return TrustResult(findings=tuple(findings), material=self._relevant_material(leaf, request))
        chain = path_certificates(path)
        anchor = subject_name(chain[-1])
        message = f"the certificate chain to the trust anchor {anchor} is valid {_TIME_PHRASES[request.basis]}"
        findings += [
            trust_finding(Outcome.PASSED, "leads-to-anchor", message, clause="RFC 5280 6"),
            *weakness_findings(chain, self._settings),
            *self._expiry_findings(path, request),
        ]
        material = self._relevant_material(leaf, request)
        if self._settings.revocation_mode is RevocationMode.OFF:
            message = "the settings disable revocation checking"
            findings.append(trust_finding(Outcome.NOT_CHECKED, "revocation-off", message, clause=_REVOCATION))
        else:
            for each in partial_paths(path):
                findings.extend(self._revocation_findings(each, request))
                # collect it now, because fetched material may be dropped later
                material = material.merge(self._relevant_material(each.last, request))
        return TrustResult(findings=tuple(findings), chain=tuple(each.dump() for each in chain), material=material)

    def _relevant_material(self, certificate: X509Certificate, request: TrustRequest) -> TrustMaterial:
        """Find the material for a certificate, if the request asks for it."""
        if not request.collect_material:
            return TrustMaterial()
        if self._material_index is None:
            self._material_index = MaterialIndex(self._material)
        return self._material_index.find_relevant(certificate, iter_usable(request.other_certificates[:_MAX_EMBEDDED]))

    def _find_path(
        self, leaf: X509Certificate, embedded: tuple[X509Certificate, ...], moment: dt.datetime
    ) -> ValidationPath:
        """Find a path, with fetched issuers if the settings allow it; raises NoPath."""
        material = replace(self._material, intermediates=(*self._material.intermediates, *embedded))
        if self._fetcher is None or not self._settings.fetch_issuers:
            return find_path(leaf, material, moment)
        path, fetched = find_path_fetching(
            leaf,
            material,
            moment,
            self._fetcher.issuers,
            max_issuers=_MAX_EMBEDDED - len(embedded),
            seconds=self._settings.timeout,
        )
        # keep the fetched certificates on the path, which also affect the intervals
        on_path = {each.dump() for each in path_certificates(path)}
        self._add_material("intermediates", tuple(each for each in fetched if each.dump() in on_path))
        return path

    def _expiry_findings(self, path: ValidationPath, request: TrustRequest) -> Iterator[Finding]:
        """Check whether a certificate of the path expired after the signature was made."""
        if request.basis is TimeBasis.NOW:
            return
        expired = next((each for each in path_certificates(path) if each.not_after < request.now), None)
        if expired is not None:
            name = subject_name(expired)
            message = f"{name} expired at {expired.not_after.isoformat()}, after the time of signing"
            yield _since_finding("expired-since", message, request, self._settings, name)

    def _revocation_findings(self, path: ValidationPath, request: TrustRequest) -> Iterator[Finding]:
        """Check whether the last certificate of a path is revoked."""
        name = subject_name(path.last)
        status, unreachable = self._revocation_status(path, request)
        match status:
            case RevocationStatus(status=RevocationState.REVOKED, since=dt.datetime() as since):
                yield from self._revoked_findings(status, since, name, request)
            case RevocationStatus(status=RevocationState.GOOD):
                yield trust_finding(
                    Outcome.PASSED, "not-revoked", f"{name} is not revoked", where=name, clause=_REVOCATION
                )
            case _:
                is_doubtful = status.was_on_hold or status.status is RevocationState.INDETERMINATE
                is_soft = self._settings.revocation_mode is not RevocationMode.HARD
                outcome = Outcome.NOT_CHECKED if is_soft and not is_doubtful else Outcome.UNKNOWN
                yield _unknown_finding(outcome, status, name, self._material.refused, unreachable=unreachable)

    def _revoked_findings(
        self, status: RevocationStatus, since: dt.datetime, name: str, request: TrustRequest
    ) -> Iterator[Finding]:
        message = f"{name} was revoked at {since.isoformat()} ({format_reason(status.reason)})"
        is_scheduled = since > request.now and request.basis is not TimeBasis.CERTIFIED
        if since > request.moment and not is_scheduled:
            if request.purpose is not TrustPurpose.TIMESTAMPING:
                yield _since_finding(
                    "revoked-since", f"{message}, after the time of signing", request, self._settings, name
                )
                return
            if status.key_was_safe:
                # earlier timestamps remain valid (RFC 3161 4)
                yield trust_finding(Outcome.PASSED, "revoked-since", message, where=name, clause=_POE)
                return
            message += "; its key may have been used to backdate timestamps"
        # a listed certificate is revoked, whatever the date (RFC 5280 6.3.3 i)
        message += ", a date in the future; a certificate counts as revoked once it is listed" if is_scheduled else ""
        yield trust_finding(Outcome.FAILED, "revoked", message, where=name, clause=_REVOCATION)
        if status.disputed:
            message = f"the CRLs and OCSP responses for {name} contradict each other: one says that it is not revoked"
            yield trust_finding(Outcome.UNKNOWN, "revocation-disputed", message, where=name, clause=_REVOCATION)

    def _revocation_status(self, path: ValidationPath, request: TrustRequest) -> tuple[RevocationStatus, bool]:
        """Determine the status from known, then from fetched material; also return whether all downloads failed."""
        status = _status_for_request(path, self._material, request)
        if status.is_known or self._fetcher is None or not self._settings.fetch:
            return status, False
        issuer = path_certificates(path)[1]
        source_count, fetched_count = 0, 0
        for kind, fetch in (
            ("ocsp_responses", partial(self._fetcher.ocsp_responses, path.last, issuer)),
            ("crls", partial(self._fetcher.crls, path.last)),
        ):
            has_source, fetched = fetch()
            source_count, fetched_count = source_count + has_source, fetched_count + len(fetched)
            if fetched:
                self._add_material(kind, fetched)
                status = _status_for_request(path, self._material, request)
            if status.is_known:
                break
        return status, bool(source_count and not fetched_count)

    def _add_material(self, kind: str, fetched: tuple[X509Certificate | Crl | OcspResponse, ...]) -> None:
        """Add fetched material, and drop earlier fetched material beyond the limit."""
        present = getattr(self._material, kind)
        known = {_to_der(each) for each in present}
        new = tuple(each for each in fetched if _to_der(each) not in known)
        if len(present) - len(getattr(self._configured, kind)) >= _MAX_FETCHED:
            present = getattr(self._configured, kind)
        if new:
            self._use_material(replace(self._material, **{kind: (*present, *new)}))


def _ignored_findings(request: TrustRequest) -> Iterator[Finding]:
    """Report certificates beyond the limit, which are not used, because each multiplies the paths to try."""
    count = len(request.other_certificates)
    if count > _MAX_EMBEDDED:
        message = f"only the first {_MAX_EMBEDDED} of {count} certificates from the file were used"
        yield trust_finding(Outcome.NOT_CHECKED, "certificates-ignored", message, clause="RFC 5280 6")


def _to_der(value: X509Certificate | Crl | OcspResponse) -> bytes:
    return value.dump() if isinstance(value, X509Certificate) else value.der


def _status_for_request(path: ValidationPath, material: LoadedMaterial, request: TrustRequest) -> RevocationStatus:
    """Determine the status at the relevant time, or now if only the current one is known."""
    moment, now = request.moment, request.now
    is_valid_now = is_valid_at(path, now)
    if request.basis is not TimeBasis.CERTIFIED:
        return status_at(path, material, now if is_valid_now else moment, now)
    status = status_at(path, material, moment, now)
    if status.status is RevocationState.REVOKED or not is_valid_now:
        return status
    current = status_at(path, material, now, now)
    return current if current.is_known else status


def _since_finding(code: str, message: str, request: TrustRequest, settings: TrustSettings, name: str) -> Finding:
    """Report an event after the time of signing, which matters if the time is only claimed and may be false."""
    if request.basis is TimeBasis.CERTIFIED:
        return trust_finding(Outcome.PASSED, code, message, where=name, clause=_POE)
    return trust_finding(
        settings.claimed_time.outcome, code, f"{message}, which is only claimed", where=name, clause=_POE
    )


def _unknown_finding(
    outcome: Outcome, status: RevocationStatus, name: str, refused: Sequence[str], *, unreachable: bool
) -> Finding:
    """Explain why the revocation status is unknown."""
    if status.status is RevocationState.INDETERMINATE:
        message = f"a CRL or OCSP response that must not be used lists {name} as revoked"
        return trust_finding(outcome, "revocation-indeterminate", message, where=name, clause=_REVOCATION)
    if unreachable:
        message = f"no CRL or OCSP response for {name} could be fetched"
        return trust_finding(outcome, "revocation-unreachable", message, where=name, clause=_REVOCATION)
    for state, code, message in (
        (RevocationState.STALE, "revocation-stale", "the CRLs and OCSP responses for {} are out of date"),
        (
            RevocationState.UNAUTHORIZED,
            "revocation-responder-unauthorized",
            "the OCSP responder for {} is not authorized by the issuer",
        ),
        (
            RevocationState.NOT_FOR_OCSP,
            "revocation-responder-unfit",
            "the certificate of the OCSP responder for {} is not for OCSP signing",
        ),
        (RevocationState.OTHER_ISSUERS, "revocation-of-others", "none of the CRLs is from the issuer of {}"),
    ):
        if status.status is state:
            return trust_finding(outcome, code, message.format(name), where=name, clause=_REVOCATION)
    message = "; ".join((f"there is no usable CRL or OCSP response for {name}", *refused))
    return trust_finding(outcome, "revocation-unknown", message, where=name, clause=_REVOCATION)
