"""Timestamps for signatures that are there already, in one step or in two that need no network (PS3.15 C.1).

>>> from dcmseal import timestamp_query
>>> query = timestamp_query("signed.dcm")
>>> query[:1].hex()
'30'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dcmseal import tags
from dcmseal.dataset.editing import splice
from dcmseal.dataset.part10 import DicomFile
from dcmseal.engine.advice import Advice, timestamp_advice
from dcmseal.engine.asking import no_such_signature
from dcmseal.engine.opening import DatasetInput, opened
from dcmseal.engine.placing import Output, place, target_of
from dcmseal.engine.reading import FoundSignature
from dcmseal.engine.signed_levels import SignedLevel, signed_levels
from dcmseal.engine.stamp_editing import stamp_edits
from dcmseal.engine.stamping import Stamped, TimestampWish, query_for, stamp, stamped_with, wish_of
from dcmseal.engine.timestamps import TimestampAnswer
from dcmseal.errors import NoSuchSignature, TimestampError, TimestampRejected, UsageError
from dcmseal.model import CertifiedTime, DigitalSignature
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.timestamping import QueryWish
from dcmseal.report import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class StampingResult:
    """A signature that has a timestamp now, and the file with it if no output was named."""

    signature: DigitalSignature
    verification: TimestampAnswer
    data: bytes | None

    @property
    def uid(self) -> str:
        """Digital Signature UID."""
        return self.signature.uid

    @property
    def time(self) -> CertifiedTime | None:
        """The certified time; None if the timestamp could not be verified, of which ``warnings`` say why."""
        return self.verification.time

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found out about the timestamp; none of it failed."""
        return (*self.verification.findings, *self.verification.authority_findings)

    @property
    def warnings(self) -> tuple[Advice, ...]:
        """Why verification will not accept the timestamp, if so."""
        return tuple(timestamp_advice(self.verification))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    level: SignedLevel
    signature_item: FoundSignature


def timestamp_query(
    source: DatasetInput,
    *,
    uid: str | None = None,
    query_options: QueryWish | None = None,
    registry: Registry | None = None,
) -> bytes:
    """A query for a timestamp over a signature, to be carried to an authority: TimeStampReq of RFC 3161, in DER.

    ``uid`` may be left out if there is one signature. Raises NoSuchSignature, UsageError, DatasetError or PluginError.
    """
    with opened(source, registry) as file:
        candidate = _the_one(_candidates(file, uid), uid)
        return query_for(candidate.signature_item.signature, query_options or QueryWish(), registry)


def attach_timestamp(
    source: DatasetInput,
    response: bytes,
    *,
    query: bytes | None = None,
    uid: str | None = None,
    replace: bool = False,
    output: Output | None = None,
    in_place: bool = False,
    registry: Registry | None = None,
) -> StampingResult:
    """Put the timestamp of an authority's response, or a token without one, into the signature it was made for.

    With the ``query`` its nonce and policy are compared. Without ``uid`` the signature is found by what the timestamp
    certifies. ``replace`` lets it take the place of another timestamp. The result goes where ``sign`` puts its own.
    Raises TimestampError or one of its kinds, NoSuchSignature, UsageError, DatasetError, PluginError or OutputError;
    nothing is then written.
    """

    def made_for(candidates: list[_Candidate]) -> tuple[_Candidate, Stamped]:
        rejected: TimestampRejected | None = None
        for each in candidates:
            try:
                return each, stamped_with(each.signature_item.signature, response, query, registry)
            except TimestampRejected as error:
                rejected = error
        raise rejected or no_such_signature(uid or "")

    return _stamped(source, made_for, uid=uid, replace=replace, output=output, in_place=in_place, registry=registry)


def add_timestamp(
    source: DatasetInput,
    timestamp: str | Iterable[str] | TimestampWish,
    *,
    uid: str | None = None,
    replace: bool = False,
    output: Output | None = None,
    in_place: bool = False,
    registry: Registry | None = None,
) -> StampingResult:
    """Ask authorities for a timestamp over a signature, and put it there.

    ``timestamp`` is the URL of an authority, or of several that are asked in turn, or a TimestampWish. ``uid`` may be
    left out if there is one signature. The rest is as for ``attach_timestamp``.
    """
    wish = wish_of(timestamp)

    def asked(candidates: list[_Candidate]) -> tuple[_Candidate, Stamped]:
        candidate = _the_one(candidates, uid)
        return candidate, stamp(candidate.signature_item.signature, wish, registry)

    return _stamped(source, asked, uid=uid, replace=replace, output=output, in_place=in_place, registry=registry)


def _stamped(
    source: DatasetInput,
    select: Callable[[list[_Candidate]], tuple[_Candidate, Stamped]],
    *,
    uid: str | None,
    replace: bool,
    output: Output | None,
    in_place: bool,
    registry: Registry | None,
) -> StampingResult:
    target = target_of(source, output, in_place=in_place)
    with opened(source, registry, for_update=True) as file:
        candidates = _candidates(file, uid)
        free = [each for each in candidates if replace or not each.signature_item.signature.timestamp]
        if candidates and not free:
            raise UsageError("the signature has a timestamp already", hint="--replace puts another in its place")
        candidate, stamped = select(free)
        body = splice(file.body, stamp_edits(candidate.level, candidate.signature_item, stamped.signature))
        steps = candidate.level.level.location.steps
        changed = steps[0][0] if steps else tags.DIGITAL_SIGNATURES_SEQUENCE
        data = place(source, file, body, target, (changed,), registry)
    return StampingResult(signature=stamped.signature, verification=stamped.result, data=data)


def _candidates(file: DicomFile, uid: str | None) -> list[_Candidate]:
    """The signatures that may be meant; raises NoSuchSignature if there is none."""
    candidates = [
        _Candidate(level=level, signature_item=found)
        for level in signed_levels(file)
        if not level.level.in_original_attributes
        for found in level.level_signatures.signatures
        if uid in (None, found.signature.uid)
    ]
    if not candidates:
        if uid is not None:
            raise no_such_signature(uid)
        raise NoSuchSignature("there is no signature", hint="a timestamp certifies when a signature was there")
    for each in candidates:
        if not each.signature_item.signature.value:
            raise TimestampError("a signature without value cannot be certified", hint="dcmseal verify tells more")
    return candidates


def _the_one(candidates: list[_Candidate], uid: str | None) -> _Candidate:
    if len(candidates) > 1:
        what = f"have UID {uid}" if uid else "are there"
        raise UsageError(
            f"{len(candidates)} signatures {what}: which one is meant?",
            hint="name its UID; dcmseal list FILE shows all",
        )
    return candidates[0]
