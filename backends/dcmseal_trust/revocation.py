"""Determines whether a certificate of a path is revoked, by CRLs and OCSP responses (RFC 5280 6.3, RFC 6960).

All sources are evaluated, and the worst status counts. A revocation in an outdated source still counts; one in an
unusable source makes the status indeterminate. A status is good only if its source is current, in scope and signed by
an authorized signer.
"""

# Kept apart: revocation checking, apart from path validation.

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

from asn1crypto.crl import CRLReason
from msgspec import Struct
from msgspec.structs import replace
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


def partial_paths(path: ValidationPath) -> tuple[ValidationPath, ...]:
    """Return the paths to the end entity, to its issuer, and so on, except for the trust anchor."""
    certificates = list(path.iter_certs(include_root=False))
    return tuple(
        ValidationPath(path.trust_anchor, certificates[:end], certificates[end])
        for end in reversed(range(len(certificates)))
    )


def status_at(
    path: ValidationPath, material: LoadedMaterial, moment: dt.datetime, now: dt.datetime
) -> RevocationStatus:
    """Determine the status of the last certificate of a path, also by later sources (ETSI EN 319 102-1 5.2.5).

    Args:
        path: The path to the certificate.
        material: CRLs, OCSP responses, and certificates of their signers.
        moment: The time for which the status is determined.
        now: The current time, after which a source must not begin.
    """
    # the signer of a CRL is found by name, and may be on the path
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
    return order, not each.was_on_hold, each.reason == _HOLD, each.key_was_safe, each.since or EARLIEST


def _iter_ocsp_statuses(query: RevocationQuery) -> Iterator[RevocationStatus]:
    """Iterate over the statuses of the certificate in OCSP responses."""
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
    """Return the rank of a status within one response, in which good has the lowest."""
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
    signer_trust = _SourceTrust.TRUSTED
    if isinstance(signer, X509Certificate):
        signer_trust = _responder_trust(signer, query, query.clamp(single.this_update, ends))
    usable = (
        single.is_supported
        and response.is_usable
        and not query.is_future(single.this_update)
        and signer_trust in (_SourceTrust.TRUSTED, _SourceTrust.UNCHECKED)
    )
    is_current = query.is_current(single.this_update, ends)
    if signer_trust is _SourceTrust.UNKNOWN:
        return RevocationStatus(status=RevocationState.UNKNOWN)
    if single.status == "revoked":
        return _revoked_status(single.since or EARLIEST, single.reason, usable=usable, is_current=is_current)
    if not usable or single.status != "good" or signer_trust is not _SourceTrust.TRUSTED:
        return RevocationStatus(status=RevocationState.UNKNOWN)
    return RevocationStatus(status=RevocationState.GOOD if is_current else RevocationState.STALE)


def _revoked_status(since: dt.datetime, reason: str, *, usable: bool, is_current: bool) -> RevocationStatus:
    """Return the status by a source that lists the certificate; of an outdated source, a hold may have ended."""
    if not usable:
        return RevocationStatus(status=RevocationState.INDETERMINATE)
    if reason == _HOLD and not is_current:
        return RevocationStatus(status=RevocationState.STALE, was_on_hold=True)
    return RevocationStatus(status=RevocationState.REVOKED, since=since, reason=reason)


def _responder_trust(responder: X509Certificate, query: RevocationQuery, moment: dt.datetime) -> _SourceTrust:
    """Check whether a delegated responder is trusted: not revoked, or exempt from the check (ocsp-nocheck)."""
    if not responder.not_before <= moment <= responder.not_after:
        return _SourceTrust.UNKNOWN
    if responder.ocsp_no_check_value is not None:
        return _SourceTrust.TRUSTED
    if responder.dump() in query.signers:  # each of two signers states the status of the other
        return _SourceTrust.UNCHECKED
    authorities = list(query.path.iter_certs(include_root=False))[:-1]
    return _signer_trust(replace(query, path=ValidationPath(query.path.trust_anchor, authorities, responder)))


def _signer_trust(query: RevocationQuery) -> _SourceTrust:
    """Check whether a delegated signer is revoked (RFC 6960 4.2.2.2.1, RFC 5280 6.3.3 f)."""
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
    """Explain a rejected response: its signer must be the issuer or its delegate (RFC 6960 4.2.2.2)."""
    if response.is_from(name_key(issuer.name), issuer.public_key):
        return RevocationState.UNKNOWN
    delegates = [each for each in responder_candidates(response, query.material) if is_delegated(each, issuer)]
    if not delegates:
        return RevocationState.UNAUTHORIZED
    purposes = [purpose.native for each in delegates for purpose in each.extended_key_usage_value or ()]
    return RevocationState.UNKNOWN if "ocsp_signing" in purposes else RevocationState.NOT_FOR_OCSP


class _RelevantCrl(Struct, frozen=True, kw_only=True):
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
    """Iterate over the statuses by CRLs; the last is good if the CRLs together cover all reasons."""
    if not query.material.crls:
        return
    issued = [each for each in query.material.crls if is_issued_for(each, query.certificate)]
    if not issued:
        yield RevocationStatus(status=RevocationState.OTHER_ISSUERS)
        return
    relevant = [each for crl in issued for each in _iter_relevant(crl, query)]
    covered: set[str] = set()
    for each in relevant:
        entries = _effective_entries(each, relevant)
        for entry in entries:
            usable = each.is_usable and entry.is_supported and bool(each.reasons) and entry.reason != _REMOVED
            yield _revoked_status(entry.since, entry.reason, usable=usable, is_current=each.is_current)
        if not entries and each.is_usable and each.is_trusted and each.crl.base is None:
            if each.is_current:
                covered |= each.reasons
            elif each.reasons:
                yield RevocationStatus(status=RevocationState.STALE)
    if covered >= ALL_REASONS:
        yield RevocationStatus(status=RevocationState.GOOD)


def _iter_relevant(crl: Crl, query: RevocationQuery) -> Iterator[_RelevantCrl]:
    """Yield the CRL and its entries if its signer is found."""
    moment = query.clamp(crl.this_update, crl.next_update)
    signer_trust = _crl_signer_trust(crl, query, moment)
    if signer_trust is _SourceTrust.UNKNOWN:
        return
    yield _RelevantCrl(
        crl=crl,
        entries=tuple(crl.find_entries(query.certificate, name_key(query.certificate.issuer))),
        reasons=covered_reasons(crl, query.certificate),
        is_usable=crl.is_supported
        and not query.is_future(crl.this_update)
        and signer_trust is not _SourceTrust.REVOKED,
        is_current=query.is_current(crl.this_update, crl.next_update),
        is_trusted=signer_trust is _SourceTrust.TRUSTED,
    )


def _crl_signer_trust(crl: Crl, query: RevocationQuery, moment: dt.datetime) -> _SourceTrust:
    """Check whether the signer of a CRL is authorized and trusted."""
    if is_signed_by_issuer(crl, query.path):
        # the issuer is on the path, and is therefore checked itself
        return _SourceTrust.TRUSTED
    found = [_SourceTrust.UNKNOWN]
    for signer in iter_other_signers(crl, query.material):
        if signer.dump() in query.signers:
            return _SourceTrust.TRUSTED
        path = find_signer_path(signer, query.path, query.material, moment)
        if path is not None:
            found.append(
                _least_trust(_signer_trust(replace(query, path=each)) for each in _side_paths(path, query.path))
            )
    return min(found, key=list(_SourceTrust).index)


def _side_paths(path: ValidationPath, main: ValidationPath) -> Sequence[ValidationPath]:
    """Return the partial paths to certificates that are not also on the main path, which is checked elsewhere."""
    on_main = {each.dump() for each in main.iter_certs(include_root=True)}
    return [each for each in partial_paths(path) if each.last.dump() not in on_main]


def _least_trust(signers: Iterable[_SourceTrust]) -> _SourceTrust:
    return max(signers, key=list(_SourceTrust).index, default=_SourceTrust.TRUSTED)


def _effective_entries(relevant_crl: _RelevantCrl, others: Sequence[_RelevantCrl]) -> tuple[CrlEntry, ...]:
    """Return the entries that apply: a delta CRL may end a hold of its complete CRL (RFC 5280 5.3.1)."""
    if relevant_crl.crl.base is not None:
        return tuple(each for each in relevant_crl.entries if each.reason != _REMOVED)
    hold_ended = any(
        entry.reason == _REMOVED and entry.is_supported
        for delta in others
        if _is_delta_for(delta, relevant_crl)
        for entry in delta.entries
    )
    return tuple(each for each in relevant_crl.entries if not (hold_ended and each.reason == _HOLD))


def _is_delta_for(delta: _RelevantCrl, complete: _RelevantCrl) -> bool:
    """Whether a delta CRL applies to a complete CRL, is newer, and usable (RFC 5280 5.2.4)."""
    delta_number, number, base = delta.crl.number, complete.crl.number, delta.crl.base
    return (
        base is not None
        and delta_number is not None
        and number is not None
        and base <= number < delta_number
        and delta.crl.scope == complete.crl.scope
        and delta.crl.issuer == complete.crl.issuer
        and (delta.is_usable and delta.is_current and delta.is_trusted)
    )


def format_reason(reason: str) -> str:
    """Format a revocation reason for messages."""
    return str(CRLReason(reason).human_friendly)
