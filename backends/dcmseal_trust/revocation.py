"""Whether a certificate of a path is revoked, by the CRLs and OCSP responses at hand (RFC 5280 6.3, RFC 6960).

Every source is asked, and the worst answer counts: a revocation in a source that is out of date holds, and one in a
source that must not be used is a doubt. That a certificate is good, only a source says that is up to date, in scope and
signed by whom it has to be.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from asn1crypto.crl import CRLReason
from pyhanko_certvalidator.authority import Authority
from pyhanko_certvalidator.path import ValidationPath

from dcmseal_trust.certificates import Certificate
from dcmseal_trust.crls import ALL_REASONS, Crl, Entry, covered_reasons, speaks_for
from dcmseal_trust.inquiry import SHORTEST, Inquiry, RevocationStatus, Status
from dcmseal_trust.instants import EARLIEST, later
from dcmseal_trust.material import Material
from dcmseal_trust.names import name_key
from dcmseal_trust.ocsp import Response, Single
from dcmseal_trust.signers import (
    candidates,
    is_delegated,
    issuer_of,
    other_signers,
    path_of_signer,
    responder_of,
    signed_by_issuer,
)

_MOST_NESTED: Final = 4
"""Signers of CRLs whose CRLs are signed by others in turn."""
_HOLD: Final = "certificate_hold"
_REMOVED: Final = "remove_from_crl"


class _Signer(Enum):
    """Whether who signed is believed."""

    TRUSTED = "trusted"
    UNCHECKED = "unchecked"
    """Whether its certificate is revoked is not known."""
    REVOKED = "revoked"
    UNKNOWN = "nobody"


def partial_paths(path: ValidationPath) -> tuple[ValidationPath, ...]:
    """The paths to the signer's certificate, to its issuer's, and so on; the anchor is trusted as it is."""
    certificates = list(path.iter_certs(include_root=False))
    return tuple(
        ValidationPath(path.trust_anchor, certificates[:end], certificates[end])
        for end in reversed(range(len(certificates)))
    )


def status_at(path: ValidationPath, material: Material, moment: dt.datetime, now: dt.datetime) -> RevocationStatus:
    """The status of the last certificate of a path; what was issued later counts, too (ETSI EN 319 102-1 5.2.5)."""
    # who signed a CRL is looked for by name, and may have come with the certificate
    known = (*material.intermediates, *path.iter_certs(include_root=False))
    return _status(Inquiry(path=path, material=replace(material, intermediates=known), moment=moment, now=now))


def _status(query: Inquiry) -> RevocationStatus:
    by_ocsp = _foremost(_by_ocsp(query))
    by_crl = _foremost(_by_crl(query))
    foremost = _foremost((by_ocsp, by_crl))
    if foremost.status is Status.REVOKED and Status.GOOD in (by_ocsp.status, by_crl.status):
        return replace(foremost, disputed=True)
    return foremost


def _foremost(statuses: Iterable[RevocationStatus]) -> RevocationStatus:
    """The worst; of revocations, the first of those for the worst reason."""
    return min(statuses, key=_rank, default=RevocationStatus(status=Status.UNKNOWN))


def _rank(each: RevocationStatus) -> tuple[int, bool, bool, bool, dt.datetime]:
    order = list(Status).index(each.status)
    return order, not each.was_held, each.reason == _HOLD, each.key_was_safe, each.since or EARLIEST


def _by_ocsp(query: Inquiry) -> Iterator[RevocationStatus]:
    """What each OCSP response says of the certificate."""
    issuer = issuer_of(query.path)
    for response in query.material.ocsp_responses:
        singles = tuple(response.find_responses(query.certificate, issuer))
        if not singles:
            continue
        signer = responder_of(response, query.path, query.material)
        if signer is None:
            yield RevocationStatus(status=_refusal(response, query, issuer))
            continue
        # they speak at the same time: that one says good does not help if another does not
        yield max((_single_status(each, response, signer, query) for each in singles), key=_gravity)


def _gravity(status: RevocationStatus) -> int:
    """Of what one response says, good counts least."""
    order = (Status.GOOD, Status.UNKNOWN, Status.STALE, Status.DOUBTFUL, Status.REVOKED)
    return order.index(status.status)


def _single_status(
    single: Single, response: Response, signer: Certificate | Authority, query: Inquiry
) -> RevocationStatus:
    ends = later(single.this_update, SHORTEST) if single.next_update is None else single.next_update
    believed = _Signer.TRUSTED
    if isinstance(signer, Certificate):
        believed = _responder(signer, query, query.clamp(single.this_update, ends))
    usable = (
        single.is_understood
        and response.is_usable
        and not query.is_future(single.this_update)
        and believed in (_Signer.TRUSTED, _Signer.UNCHECKED)
    )
    is_current = query.is_current(single.this_update, ends)
    if believed is _Signer.UNKNOWN:
        return RevocationStatus(status=Status.UNKNOWN)
    if single.status == "revoked":
        return _revoked(single.since or EARLIEST, single.reason, usable=usable, is_current=is_current)
    if not usable or single.status != "good" or believed is not _Signer.TRUSTED:
        return RevocationStatus(status=Status.UNKNOWN)
    return RevocationStatus(status=Status.GOOD if is_current else Status.STALE)


def _revoked(since: dt.datetime, reason: str, *, usable: bool, is_current: bool) -> RevocationStatus:
    """What a source that says revoked comes to: only a hold may have ended since."""
    if not usable:
        return RevocationStatus(status=Status.DOUBTFUL)
    if reason == _HOLD and not is_current:
        return RevocationStatus(status=Status.STALE, was_held=True)
    return RevocationStatus(status=Status.REVOKED, since=since, reason=reason)


def _responder(responder: Certificate, query: Inquiry, moment: dt.datetime) -> _Signer:
    """Whether whom the issuer named is believed: unless it need not be asked, it must not be revoked itself."""
    if not responder.begins <= moment <= responder.ends:
        return _Signer.UNKNOWN
    if responder.ocsp_no_check_value is not None:
        return _Signer.TRUSTED
    if responder.dump() in query.signers:  # two that speak for each other
        return _Signer.UNCHECKED
    authorities = list(query.path.iter_certs(include_root=False))[:-1]
    return _unrevoked(replace(query, path=ValidationPath(query.path.trust_anchor, authorities, responder)))


def _unrevoked(query: Inquiry) -> _Signer:
    """Whether one who signs in place of an issuer is revoked (RFC 6960 4.2.2.2.1, RFC 5280 6.3.3 f)."""
    der = query.certificate.dump()
    if der in query.signers:
        return _Signer.TRUSTED
    if len(query.signers) == _MOST_NESTED:
        return _Signer.UNCHECKED
    status = _status(replace(query, signers=query.signers | {der})).status
    if status in (Status.REVOKED, Status.DOUBTFUL):
        return _Signer.REVOKED
    return _Signer.TRUSTED if status is Status.GOOD else _Signer.UNCHECKED


def _refusal(response: Response, query: Inquiry, issuer: Authority) -> Status:
    """Why a response was not taken: its signer has to be the issuer, or named by it for that (RFC 6960 4.2.2.2)."""
    if response.is_from(name_key(issuer.name), issuer.public_key):
        return Status.UNKNOWN
    named = [each for each in candidates(response, query.material) if is_delegated(each, issuer)]
    if not named:
        return Status.UNAUTHORIZED
    purposes = [purpose.native for each in named for purpose in each.extended_key_usage_value or ()]
    return Status.UNKNOWN if "ocsp_signing" in purposes else Status.NOT_FOR_OCSP


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A CRL of one who may tell of the certificate, and what it lists."""

    crl: Crl
    entries: tuple[Entry, ...]
    reasons: frozenset[str]
    """For which it tells."""
    is_usable: bool
    is_current: bool
    is_trusted: bool
    """Whether it may say of a certificate that it is good."""


def _by_crl(query: Inquiry) -> Iterator[RevocationStatus]:
    """What the CRLs say of the certificate, one by one, and whether together they say that it is good."""
    if not query.material.crls:
        return
    relevant = [each for each in query.material.crls if speaks_for(each, query.certificate)]
    if not relevant:
        yield RevocationStatus(status=Status.OTHER_ISSUERS)
        return
    heard = [each for crl in relevant for each in _heard(crl, query)]
    good: set[str] = set()
    for each in heard:
        listed = _listed(each, heard)
        for entry in listed:
            usable = each.is_usable and entry.is_understood and bool(each.reasons) and entry.reason != _REMOVED
            yield _revoked(entry.since, entry.reason, usable=usable, is_current=each.is_current)
        if not listed and each.is_usable and each.is_trusted and each.crl.base is None:
            if each.is_current:
                good |= each.reasons
            elif each.reasons:
                yield RevocationStatus(status=Status.STALE)
    if good >= ALL_REASONS:
        yield RevocationStatus(status=Status.GOOD)


def _heard(crl: Crl, query: Inquiry) -> Iterator[_Heard]:
    """The CRL, if its signer is found."""
    at = query.clamp(crl.this_update, crl.next_update)
    signer = _crl_signer(crl, query, at)
    if signer is _Signer.UNKNOWN:
        return
    yield _Heard(
        crl=crl,
        entries=tuple(crl.find_entries(query.certificate, name_key(query.certificate.issuer))),
        reasons=covered_reasons(crl, query.certificate),
        is_usable=crl.is_understood and not query.is_future(crl.this_update) and signer is not _Signer.REVOKED,
        is_current=query.is_current(crl.this_update, crl.next_update),
        is_trusted=signer is _Signer.TRUSTED,
    )


def _crl_signer(crl: Crl, query: Inquiry, at: dt.datetime) -> _Signer:
    """Whether who signed a CRL may, and is believed."""
    if signed_by_issuer(crl, query.path):
        # it is on the path, and asked about in its turn
        return _Signer.TRUSTED
    found = [_Signer.UNKNOWN]
    for signer in other_signers(crl, query.material):
        if signer.dump() in query.signers:
            return _Signer.TRUSTED
        path = path_of_signer(signer, query.path, query.material, at)
        if path is not None:
            found.append(_worst(_unrevoked(replace(query, path=each)) for each in _beside(path, query.path)))
    return min(found, key=list(_Signer).index)


def _beside(path: ValidationPath, main: ValidationPath) -> Sequence[ValidationPath]:
    """The parts of a path that end in what is not on the main one: what is, is asked about there."""
    on_main = {each.dump() for each in main.iter_certs(include_root=True)}
    return [each for each in partial_paths(path) if each.last.dump() not in on_main]


def _worst(signers: Iterable[_Signer]) -> _Signer:
    return max(signers, key=list(_Signer).index, default=_Signer.TRUSTED)


def _listed(one: _Heard, relevant: Sequence[_Heard]) -> tuple[Entry, ...]:
    """The entries that hold: a delta CRL may end a hold of its complete CRL (RFC 5280 5.3.1)."""
    if one.crl.base is not None:
        return tuple(each for each in one.entries if each.reason != _REMOVED)
    ended = any(
        entry.reason == _REMOVED and entry.is_understood
        for delta in relevant
        if _completes(delta, one)
        for entry in delta.entries
    )
    return tuple(each for each in one.entries if not (ended and each.reason == _HOLD))


def _completes(delta: _Heard, one: _Heard) -> bool:
    """Whether a delta CRL belongs to a complete one, is newer, and counts (RFC 5280 5.2.4)."""
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


def reason_text(reason: str) -> str:
    """The reason in words."""
    return str(CRLReason(reason).human_friendly)
