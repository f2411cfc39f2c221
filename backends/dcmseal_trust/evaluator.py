"""Trust in a signer's certificate, step by step, and remembered: an archive of one signer costs one validation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from pyhanko_certvalidator.path import ValidationPath

from dcmseal.grounds import TrustMaterial
from dcmseal.plugins.trust import Revocation, TrustAnswer, TrustPurpose, TrustQuestion, TrustSettings
from dcmseal.report import Finding, Outcome, TimeBasis
from dcmseal_trust.bearing import Bearing
from dcmseal_trust.breakpoints import Breakpoints
from dcmseal_trust.certificates import Certificate, Refused, Violation, certificate, readable
from dcmseal_trust.crls import Crl
from dcmseal_trust.fetching import PATIENCE, Fetcher
from dcmseal_trust.inquiry import RevocationStatus, Status
from dcmseal_trust.issuers import find_path_fetching
from dcmseal_trust.judging import finding, fitness_findings, weakness_findings
from dcmseal_trust.material import Material
from dcmseal_trust.ocsp import Response
from dcmseal_trust.paths import NoPath, certificates_of, find_path, is_valid_at, name_of
from dcmseal_trust.revocation import partial_paths, reason_text, status_at

_MOST_ANSWERS: Final = 4096
_MOST_FETCHED: Final = 256
_MOST_OTHERS: Final = 6
"""What comes with a certificate may be made to lead in circles, in every order."""
_REVOCATION: Final = "RFC 5280 6.3"
_POE: Final = "ETSI EN 319 102-1 5.2"
_OF_TIME: Final = {
    TimeBasis.CERTIFIED: "at the certified time",
    TimeBasis.CLAIMED: "at the time of signing, which is only claimed",
    TimeBasis.NOW: "now",
}


class X509Evaluator:
    """Evaluates certificates by settings and the material they name."""

    def __init__(self, settings: TrustSettings, material: Material) -> None:
        self._settings = settings
        self._named = material
        self._fetcher = Fetcher(settings.timeout) if settings.fetch or settings.fetch_issuers else None
        self._use_material(material)

    def _use_material(self, material: Material) -> None:
        """Judge by this material from now on."""
        self._material = material
        self._breakpoints = Breakpoints(material)
        self._bearing: Bearing | None = None
        self._answers: dict[object, TrustAnswer] = {}

    def evaluate(self, request: TrustQuestion) -> TrustAnswer:
        """Answer; the answer is the same between two moments at which anything begins or ends."""
        # certificates count whole seconds (RFC 5280 4.1.2.5)
        moment, now = (each.astimezone(dt.UTC).replace(microsecond=0) for each in (request.moment, request.now))
        request = replace(request, moment=moment, now=now)
        answer = self._answers.get(self._key(request))
        if answer is None:
            answer = self._evaluate(request)
            # without a path, nobody knows the moments at which an issuer that was fetched begins and ends to count
            if answer.chain or not self._settings.fetch_issuers:
                self._remember(request, answer)
        return answer

    def _remember(self, request: TrustQuestion, answer: TrustAnswer) -> None:
        if len(self._answers) >= _MOST_ANSWERS:
            self._answers.clear()
        # what was fetched meanwhile has moments of its own
        self._answers[self._key(request)] = answer

    def _key(self, request: TrustQuestion) -> object:
        certificates = request.certificate, *request.other_certificates[:_MOST_OTHERS]
        moments = request.moment, request.now
        spans = tuple(self._breakpoints.interval_index(each, moment) for each in certificates for moment in moments)
        turn = request.now.timestamp() // PATIENCE if self._fetcher else 0
        order = request.moment <= request.now
        return certificates, request.purpose, request.basis, request.collect_material, order, turn, spans

    def _evaluate(self, request: TrustQuestion) -> TrustAnswer:
        try:
            leaf = certificate(request.certificate)
            return self._evaluate_certificate(leaf, request)
        except Refused as error:
            outcome = Outcome.FAILED if isinstance(error, Violation) else Outcome.UNKNOWN
            message = f"the certificate must not be used: {error}"
            return TrustAnswer(findings=(finding(outcome, "certificate-refused", message),))
        except Exception as error:  # noqa: BLE001 - a hostile certificate makes readers of ASN.1 fail in many ways
            # that it cannot be read here says nothing against it
            message = f"the certificate, or one of its chain, cannot be evaluated ({type(error).__name__})"
            return TrustAnswer(findings=(finding(Outcome.UNKNOWN, "certificate-not-evaluable", message),))

    def _evaluate_certificate(self, leaf: Certificate, request: TrustQuestion) -> TrustAnswer:
        findings = [*fitness_findings(leaf, self._settings, request.purpose)]
        try:
            path = self._find_path(leaf, tuple(readable(request.other_certificates[:_MOST_OTHERS])), request.moment)
        except NoPath as none:
            message = f"{none.message} ({_OF_TIME[request.basis]})"
            findings.append(finding(none.outcome, none.code, message, clause="RFC 5280 6"))
            return TrustAnswer(findings=tuple(findings), material=self._relevant_material(leaf, request))
        chain = certificates_of(path)
        message = f"the certificate leads to {name_of(chain[-1])}, which is trusted, {_OF_TIME[request.basis]}"
        findings += [
            finding(Outcome.PASSED, "leads-to-anchor", message, clause="RFC 5280 6"),
            *weakness_findings(chain, self._settings),
            *self._expiry_findings(path, request),
        ]
        material = self._relevant_material(leaf, request)
        if self._settings.revocation_mode is Revocation.OFF:
            message = "revocation was not looked at, as the settings say"
            findings.append(finding(Outcome.NOT_CHECKED, "revocation-off", message, clause=_REVOCATION))
        else:
            for each in partial_paths(path):
                findings.extend(self._revocation_findings(each, request))
                # at once: what was fetched is not kept for ever
                material = material.merge(self._relevant_material(each.last, request))
        return TrustAnswer(findings=tuple(findings), chain=tuple(each.dump() for each in chain), material=material)

    def _relevant_material(self, certificate: Certificate, request: TrustQuestion) -> TrustMaterial:
        """What bears on a certificate, if that is to be kept."""
        if not request.collect_material:
            return TrustMaterial()
        if self._bearing is None:
            self._bearing = Bearing(self._material)
        return self._bearing.find_relevant(certificate, readable(request.other_certificates[:_MOST_OTHERS]))

    def _find_path(self, leaf: Certificate, others: tuple[Certificate, ...], moment: dt.datetime) -> ValidationPath:
        """A path, by what is at hand and, if the settings allow it, by issuers that are fetched; raises NoPath."""
        material = replace(self._material, intermediates=(*self._material.intermediates, *others))
        if self._fetcher is None or not self._settings.fetch_issuers:
            return find_path(leaf, material, moment)
        path, fetched = find_path_fetching(
            leaf,
            material,
            moment,
            self._fetcher.issuers,
            max_issuers=_MOST_OTHERS - len(others),
            seconds=self._settings.timeout,
        )
        # what leads to an anchor may do so again, and begins and ends to count at moments of its own
        leading = {each.dump() for each in certificates_of(path)}
        self._add_material("intermediates", tuple(each for each in fetched if each.dump() in leading))
        return path

    def _expiry_findings(self, path: ValidationPath, request: TrustQuestion) -> Iterator[Finding]:
        """Whether the certificate, or one of its chain, expired after the signature was made."""
        if request.basis is TimeBasis.NOW:
            return
        over = [each for each in certificates_of(path) if each.ends < request.now]
        if over:
            message = f"{name_of(over[0])} expired at {over[0].ends.isoformat()}, after the time of signing"
            yield _since("expired-since", message, request, self._settings, name_of(over[0]))

    def _revocation_findings(self, path: ValidationPath, request: TrustQuestion) -> Iterator[Finding]:
        """What is known about the revocation of the last certificate of a path."""
        name = name_of(path.last)
        status, unreachable = self._revocation_status(path, request)
        match status:
            case RevocationStatus(status=Status.REVOKED, since=dt.datetime() as since):
                yield from self._revoked_findings(status, since, name, request)
            case RevocationStatus(status=Status.GOOD):
                yield finding(Outcome.PASSED, "not-revoked", f"{name} is not revoked", where=name, clause=_REVOCATION)
            case _:
                is_doubt = status.was_held or status.status is Status.DOUBTFUL
                is_soft = self._settings.revocation_mode is not Revocation.HARD
                outcome = Outcome.NOT_CHECKED if is_soft and not is_doubt else Outcome.UNKNOWN
                yield _ignorance(outcome, status, name, self._material.refused, unreachable=unreachable)

    def _revoked_findings(
        self, status: RevocationStatus, since: dt.datetime, name: str, request: TrustQuestion
    ) -> Iterator[Finding]:
        told = f"{name} was revoked at {since.isoformat()} ({reason_text(status.reason)})"
        is_announced = since > request.now and request.basis is not TimeBasis.CERTIFIED
        if since > request.moment and not is_announced:
            if request.purpose is not TrustPurpose.TIMESTAMPING:
                yield _since("revoked-since", f"{told}, after the time of signing", request, self._settings, name)
                return
            if status.key_was_safe:
                # timestamps made before remain valid (RFC 3161 4)
                yield finding(Outcome.PASSED, "revoked-since", told, where=name, clause=_POE)
                return
            told += ", and timestamps of any time may have been made with its key since"
        # what is listed is revoked, whatever date stands there (RFC 5280 6.3.3 i)
        told += ", which is still to come: who is listed is revoked" if is_announced else ""
        yield finding(Outcome.FAILED, "revoked", told, where=name, clause=_REVOCATION)
        if status.disputed:
            message = f"of the CRLs and OCSP responses about {name}, one says that it is not revoked"
            yield finding(Outcome.UNKNOWN, "revocation-disputed", message, where=name, clause=_REVOCATION)

    def _revocation_status(self, path: ValidationPath, request: TrustQuestion) -> tuple[RevocationStatus, bool]:
        """The status, by what is at hand and then by what can be fetched; and whether fetching failed."""
        status = _status(path, self._material, request)
        if status.is_known or self._fetcher is None or not self._settings.fetch:
            return status, False
        issuer = certificates_of(path)[1]
        places, got = 0, 0
        for kind, fetch in (
            ("ocsp_responses", partial(self._fetcher.ocsp_responses, path.last, issuer)),
            ("crls", partial(self._fetcher.crls, path.last)),
        ):
            known, fetched = fetch()
            places, got = places + known, got + len(fetched)
            if fetched:
                self._add_material(kind, fetched)
                status = _status(path, self._material, request)
            if status.is_known:
                break
        return status, bool(places and not got)

    def _add_material(self, kind: str, fetched: tuple[Certificate | Crl | Response, ...]) -> None:
        """Judge by what was fetched, too."""
        held = getattr(self._material, kind)
        known = {_der(each) for each in held}
        new = tuple(each for each in fetched if _der(each) not in known)
        if len(held) - len(getattr(self._named, kind)) >= _MOST_FETCHED:
            held = getattr(self._named, kind)
        if new:
            self._use_material(replace(self._material, **{kind: (*held, *new)}))


def _der(value: Certificate | Crl | Response) -> bytes:
    return value.dump() if isinstance(value, Certificate) else value.der


def _status(path: ValidationPath, material: Material, request: TrustQuestion) -> RevocationStatus:
    """The status at the moment that counts, or what became of it since, if that says more."""
    moment, now = request.moment, request.now
    present = is_valid_at(path, now)
    if request.basis is not TimeBasis.CERTIFIED:
        return status_at(path, material, now if present else moment, now)
    status = status_at(path, material, moment, now)
    if status.status is Status.REVOKED or not present:
        return status
    later = status_at(path, material, now, now)
    return later if later.is_known else status


def _since(code: str, message: str, request: TrustQuestion, settings: TrustSettings, name: str) -> Finding:
    """What came after the signature matters unless its time is certified: who has the key can claim any time."""
    if request.basis is TimeBasis.CERTIFIED:
        return finding(Outcome.PASSED, code, message, where=name, clause=_POE)
    return finding(settings.claimed_time.outcome, code, f"{message}, which is only claimed", where=name, clause=_POE)


def _ignorance(
    outcome: Outcome, status: RevocationStatus, name: str, refused: Sequence[str], *, unreachable: bool
) -> Finding:
    """Why it is not known whether a certificate is revoked."""
    if status.status is Status.DOUBTFUL:
        message = f"{name} is listed as revoked, by a CRL or OCSP response that must not be used"
        return finding(outcome, "revocation-doubtful", message, where=name, clause=_REVOCATION)
    if unreachable:
        message = f"no CRL or OCSP response about {name} could be fetched"
        return finding(outcome, "revocation-unreachable", message, where=name, clause=_REVOCATION)
    for state, code, message in (
        (Status.STALE, "revocation-stale", "the CRLs and OCSP responses about {} are out of date"),
        (Status.UNAUTHORIZED, "revocation-responder-unauthorized", "its issuer named nobody who told of {} by OCSP"),
        (Status.NOT_FOR_OCSP, "revocation-responder-unfit", "who told of {} by OCSP has no certificate for that"),
        (Status.OTHER_ISSUERS, "revocation-of-others", "the CRLs at hand are of others than the issuer of {}"),
    ):
        if status.status is state:
            return finding(outcome, code, message.format(name), where=name, clause=_REVOCATION)
    message = "; ".join((f"there is no CRL or OCSP response about {name} that can be used", *refused))
    return finding(outcome, "revocation-unknown", message, where=name, clause=_REVOCATION)
