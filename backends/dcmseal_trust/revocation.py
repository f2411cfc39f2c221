"""Determines whether a certificate of a path is revoked, by CRLs and OCSP responses (RFC 5280 6.3, RFC 6960).

All sources are evaluated, and the worst status counts. A revocation counts even if its source is outdated; one in an
unusable source makes the status indeterminate. A certificate is good only if a source that is current, in scope and
properly signed says so.
"""

# Kept apart: the rules of revocation, separate from those of paths.

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from asn1crypto.crl import CRLReason
from pyhanko_certvalidator.authority import Authority
from pyhanko_certvalidator.path import ValidationPath

from dcmseal_trust.crls import ALL_REASONS, Crl, CrlEntry, covered_reasons, is_issued_for
from dcmseal_trust.name_comparison import name_key
from dcmseal_trust.ocsp import OcspResponse, SingleResponse
from dcmseal_trust.revocation_signers import (
    find_responder,
    find_signer_path,
    is_delegated,
    is_signed_by_issuer,
    iter_other_signers,
    path_issuer,
    responder_candidates,
)
from dcmseal_trust.revocation_status import MIN_OCSP_VALIDITY, RevocationQuery, RevocationState, RevocationStatus
from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import EARLIEST, X509Certificate, add_delay

_MAX_NESTED: Final = 4
"""Maximum depth of signers of CRLs whose own CRLs have other signers."""
_HOLD: Final = "certificate_hold"
_REMOVED: Final = "remove_from_crl"


class _SourceTrust(Enum):
    """Whether the signer of a source is trusted."""

    TRUSTED = "trusted"
    UNCHECKED = "unchecked"
    """The revocation status of its certificate is unknown."""
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """No authorized signer was found."""


def partial_paths(path: ValidationPath) -> tuple[ValidationPath, ...]:
    """Return the paths that end with each certificate of a path, the whole path first; the anchor is not included."""
    certificates = list(path.iter_certs(include_root=False))
    return tuple(
        ValidationPath(path.trust_anchor, certificates[:end], certificates[end])
        for end in reversed(range(len(certificates)))
    )


def status_at(
    path: ValidationPath, material: LoadedMaterial, moment: dt.datetime, now: dt.datetime
) -> RevocationStatus:
    """Determine the status of the last certificate of a path, also by later sources (ETSI EN 319 102-1 5.2.5)."""
    # the signer of a CRL is found by name, and may have come with the certificate
    known = (*material.intermediates, *path.iter_certs(include_root=False))
    return _status(RevocationQuery(path=path, material=replace(material, intermediates=known), moment=moment, now=now))


def _status(query: RevocationQuery) -> RevocationStatus:
    by_ocsp = _worst_status(_iter_ocsp_statuses(query))
    by_crl = _worst_status(_iter_crl_statuses(query))
    worst = _worst_status((by_ocsp, by_crl))
    if worst.status is RevocationState.REVOKED and RevocationState.GOOD in (by_ocsp.status, by_crl.status):
        return replace(worst, disputed=True)
    return worst


def _worst_status(statuses: Iterable[RevocationStatus]) -> RevocationStatus:
    """Return the worst status; of several revocations, the earliest with the worst reason."""
    return min(statuses, key=_rank, default=RevocationStatus(status=RevocationState.UNKNOWN))


def _rank(each: RevocationStatus) -> tuple[int, bool, bool, bool, dt.datetime]:
    order = list(RevocationState).index(each.status)
    return order, not each.was_held, each.reason == _HOLD, each.key_was_safe, each.since or EARLIEST


def _iter_ocsp_statuses(query: RevocationQuery) -> Iterator[RevocationStatus]:
    """Yield the status of the certificate in each OCSP response."""
    issuer = path_issuer(query.path)
    for response in query.material.ocsp_responses:
        singles = tuple(response.find_responses(query.certificate, issuer))
        if not singles:
            continue
        signer = find_responder(response, query.path, query.material)
        if signer is None:
            yield RevocationStatus(status=_refusal_state(response, query, issuer))
            continue
        # within one response, the worst status counts
        yield max((_single_status(each, response, signer, query) for each in singles), key=_severity)


def _severity(status: RevocationStatus) -> int:
    """Return the rank of a status within one response, in which good counts least."""
    order = (
        RevocationState.GOOD,
        RevocationState.UNKNOWN,
        RevocationState.STALE,
        RevocationState.INDETERMINATE,
        RevocationState.REVOKED,
    )
    return order.index(status.status)


def _single_status(
    single: SingleResponse, response: OcspResponse, signer: X509Certificate | Authority, query: RevocationQuery
) -> RevocationStatus:
    ends = add_delay(single.this_update, MIN_OCSP_VALIDITY) if single.next_update is None else single.next_update
    trust = _SourceTrust.TRUSTED
    if isinstance(signer, X509Certificate):
        trust = _responder_trust(signer, query, query.clamp(single.this_update, ends))
    usable = (
        single.is_understood
        and response.is_usable
        and not query.is_future(single.this_update)
        and trust in (_SourceTrust.TRUSTED, _SourceTrust.UNCHECKED)
    )
    is_current = query.is_current(single.this_update, ends)
    if trust is _SourceTrust.UNKNOWN:
        return RevocationStatus(status=RevocationState.UNKNOWN)
    if single.status == "revoked":
        return _revoked_status(single.since or EARLIEST, single.reason, usable=usable, is_current=is_current)
    if not usable or single.status != "good" or trust is not _SourceTrust.TRUSTED:
        return RevocationStatus(status=RevocationState.UNKNOWN)
    return RevocationStatus(status=RevocationState.GOOD if is_current else RevocationState.STALE)


def _revoked_status(since: dt.datetime, reason: str, *, usable: bool, is_current: bool) -> RevocationStatus:
    """Return the status by a source that says revoked; only a hold may have ended since."""
    if not usable:
        return RevocationStatus(status=RevocationState.INDETERMINATE)
    if reason == _HOLD and not is_current:
        return RevocationStatus(status=RevocationState.STALE, was_held=True)
    return RevocationStatus(status=RevocationState.REVOKED, since=since, reason=reason)


def _responder_trust(responder: X509Certificate, query: RevocationQuery, moment: dt.datetime) -> _SourceTrust:
    """Whether a delegated responder is trusted: it must not be revoked itself, unless no check is required."""
    if not responder.not_before <= moment <= responder.not_after:
        return _SourceTrust.UNKNOWN
    if responder.ocsp_no_check_value is not None:
        return _SourceTrust.TRUSTED
    if responder.dump() in query.signers:  # two signers that depend on each other
        return _SourceTrust.UNCHECKED
    authorities = list(query.path.iter_certs(include_root=False))[:-1]
    return _signer_trust(replace(query, path=ValidationPath(query.path.trust_anchor, authorities, responder)))


def _signer_trust(query: RevocationQuery) -> _SourceTrust:
    """Whether a delegated signer is revoked (RFC 6960 4.2.2.2.1, RFC 5280 6.3.3 f)."""
    der = query.certificate.dump()
    if der in query.signers:
        return _SourceTrust.TRUSTED
    if len(query.signers) == _MAX_NESTED:
        return _SourceTrust.UNCHECKED
    status = _status(replace(query, signers=query.signers | {der})).status
    if status in (RevocationState.REVOKED, RevocationState.INDETERMINATE):
        return _SourceTrust.REVOKED
    return _SourceTrust.TRUSTED if status is RevocationState.GOOD else _SourceTrust.UNCHECKED


def _refusal_state(response: OcspResponse, query: RevocationQuery, issuer: Authority) -> RevocationState:
    """Return why a response was rejected: its signer must be the issuer, or delegated by it (RFC 6960 4.2.2.2)."""
    if response.is_from(name_key(issuer.name), issuer.public_key):
        return RevocationState.UNKNOWN
    named = [each for each in responder_candidates(response, query.material) if is_delegated(each, issuer)]
    if not named:
        return RevocationState.UNAUTHORIZED
    purposes = [purpose.native for each in named for purpose in each.extended_key_usage_value or ()]
    return RevocationState.UNKNOWN if "ocsp_signing" in purposes else RevocationState.NOT_FOR_OCSP


@dataclass(frozen=True, slots=True, kw_only=True)
class _RelevantCrl:
    """A CRL that applies to the certificate, and its entries."""

    crl: Crl
    entries: tuple[CrlEntry, ...]
    reasons: frozenset[str]
    """The revocation reasons that it covers."""
    is_usable: bool
    is_current: bool
    is_trusted: bool
    """Whether it can establish that a certificate is good."""


def _iter_crl_statuses(query: RevocationQuery) -> Iterator[RevocationStatus]:
    """Yield the status by each CRL, and good if the CRLs together cover all reasons."""
    if not query.material.crls:
        return
    relevant = [each for each in query.material.crls if is_issued_for(each, query.certificate)]
    if not relevant:
        yield RevocationStatus(status=RevocationState.OTHER_ISSUERS)
        return
    relevant_crls = [each for crl in relevant for each in _iter_relevant(crl, query)]
    good: set[str] = set()
    for each in relevant_crls:
        listed = _effective_entries(each, relevant_crls)
        for entry in listed:
            usable = each.is_usable and entry.is_understood and bool(each.reasons) and entry.reason != _REMOVED
            yield _revoked_status(entry.since, entry.reason, usable=usable, is_current=each.is_current)
        if not listed and each.is_usable and each.is_trusted and each.crl.base is None:
            if each.is_current:
                good |= each.reasons
            elif each.reasons:
                yield RevocationStatus(status=RevocationState.STALE)
    if good >= ALL_REASONS:
        yield RevocationStatus(status=RevocationState.GOOD)


def _iter_relevant(crl: Crl, query: RevocationQuery) -> Iterator[_RelevantCrl]:
    """Yield the CRL if its signer was found."""
    at = query.clamp(crl.this_update, crl.next_update)
    signer = _crl_signer_trust(crl, query, at)
    if signer is _SourceTrust.UNKNOWN:
        return
    yield _RelevantCrl(
        crl=crl,
        entries=tuple(crl.find_entries(query.certificate, name_key(query.certificate.issuer))),
        reasons=covered_reasons(crl, query.certificate),
        is_usable=crl.is_understood and not query.is_future(crl.this_update) and signer is not _SourceTrust.REVOKED,
        is_current=query.is_current(crl.this_update, crl.next_update),
        is_trusted=signer is _SourceTrust.TRUSTED,
    )


def _crl_signer_trust(crl: Crl, query: RevocationQuery, at: dt.datetime) -> _SourceTrust:
    """Whether the signer of a CRL is authorized and trusted."""
    if is_signed_by_issuer(crl, query.path):
        # it is on the path, and therefore checked itself
        return _SourceTrust.TRUSTED
    found = [_SourceTrust.UNKNOWN]
    for signer in iter_other_signers(crl, query.material):
        if signer.dump() in query.signers:
            return _SourceTrust.TRUSTED
        path = find_signer_path(signer, query.path, query.material, at)
        if path is not None:
            found.append(
                _least_trust(_signer_trust(replace(query, path=each)) for each in _side_paths(path, query.path))
            )
    return min(found, key=list(_SourceTrust).index)


def _side_paths(path: ValidationPath, main: ValidationPath) -> Sequence[ValidationPath]:
    """Return the partial paths to certificates that are not on the main path, where they would be checked."""
    on_main = {each.dump() for each in main.iter_certs(include_root=True)}
    return [each for each in partial_paths(path) if each.last.dump() not in on_main]


def _least_trust(signers: Iterable[_SourceTrust]) -> _SourceTrust:
    return max(signers, key=list(_SourceTrust).index, default=_SourceTrust.TRUSTED)


def _effective_entries(one: _RelevantCrl, relevant: Sequence[_RelevantCrl]) -> tuple[CrlEntry, ...]:
    """Return the effective entries: a delta CRL may end a hold of its complete CRL (RFC 5280 5.3.1)."""
    if one.crl.base is not None:
        return tuple(each for each in one.entries if each.reason != _REMOVED)
    ended = any(
        entry.reason == _REMOVED and entry.is_understood
        for delta in relevant
        if _is_delta_for(delta, one)
        for entry in delta.entries
    )
    return tuple(each for each in one.entries if not (ended and each.reason == _HOLD))


def _is_delta_for(delta: _RelevantCrl, one: _RelevantCrl) -> bool:
    """Whether a delta CRL belongs to a complete CRL, is newer, and usable (RFC 5280 5.2.4)."""
    base, number, start = delta.crl.number, one.crl.number, delta.crl.base
    return (
        start is not None
        and base is not None
        and number is not None
        and start <= number < base
        and delta.crl.scope == one.crl.scope
        and delta.crl.issuer == one.crl.issuer
        and (delta.is_usable and delta.is_current and delta.is_trusted)
    )


def format_reason(reason: str) -> str:
    """Format a revocation reason."""
    return str(CRLReason(reason).human_friendly)
