"""Timestamps for signatures that are there already, in one step or in two that need no network (PS3.15 C.1).

>>> from dcmseal import build_timestamp_query
>>> query = build_timestamp_query("signed.dcm")
>>> query[:1].hex()
'30'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dcmseal import tags
from dcmseal.api.inspect import no_such_signature
from dcmseal.dataset.edits import apply_edits
from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import NoSuchSignature, TimestampError, TimestampRejected, UsageError
from dcmseal.macro.edit import build_timestamp_edits
from dcmseal.macro.levels import SignedLevel, iter_signed_levels
from dcmseal.macro.read import SignatureItem
from dcmseal.output.destination import OutputTarget, resolve_target, write_result
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.timestamp_backend import TimestampQuery
from dcmseal.signing.timestamp_request import TimestampRequest, to_timestamp_request
from dcmseal.signing.timestamping import (
    TimestampedSignature,
    TimestampingResult,
    accept_response,
    build_query,
    request_timestamp,
)
from dcmseal.sources.dataset_input import DatasetInput, open_source


@dataclass(frozen=True, slots=True, kw_only=True)
class _TimestampTarget:
    level: SignedLevel
    signature_item: SignatureItem


def build_timestamp_query(
    source: DatasetInput,
    *,
    uid: str | None = None,
    query_options: TimestampQuery | None = None,
    registry: Registry | None = None,
) -> bytes:
    """A query for a timestamp over a signature, to be carried to an authority: TimeStampReq of RFC 3161, in DER.

    ``uid`` may be left out if there is one signature. Raises NoSuchSignature, UsageError, DatasetError or PluginError.
    """
    with open_source(source, registry) as file:
        candidate = _only_target(_find_targets(file, uid), uid)
        return build_query(candidate.signature_item.signature, query_options or TimestampQuery(), registry)


def attach_timestamp(
    source: DatasetInput,
    response: bytes,
    *,
    query: bytes | None = None,
    uid: str | None = None,
    replace: bool = False,
    output: OutputTarget | None = None,
    in_place: bool = False,
    overwrite: bool = False,
    registry: Registry | None = None,
) -> TimestampingResult:
    """Put the timestamp of an authority's response, or a token without one, into the signature it was made for.

    With the ``query`` its nonce and policy are compared. Without ``uid`` the signature is found by what the timestamp
    certifies. ``replace`` lets it take the place of another timestamp. The result goes where ``sign`` puts its own.
    Raises TimestampError or one of its kinds, NoSuchSignature, UsageError, DatasetError, PluginError or OutputError;
    nothing is then written.
    """

    def match_response(candidates: list[_TimestampTarget]) -> tuple[_TimestampTarget, TimestampedSignature]:
        rejected: TimestampRejected | None = None
        for each in candidates:
            try:
                return each, accept_response(each.signature_item.signature, response, query, registry)
            except TimestampRejected as error:
                rejected = error
        raise rejected or no_such_signature(uid or "")

    return _timestamp_signature(
        source,
        match_response,
        uid=uid,
        replace=replace,
        output=output,
        in_place=in_place,
        overwrite=overwrite,
        registry=registry,
    )


def add_timestamp(
    source: DatasetInput,
    timestamp: str | Iterable[str] | TimestampRequest,
    *,
    uid: str | None = None,
    replace: bool = False,
    output: OutputTarget | None = None,
    in_place: bool = False,
    overwrite: bool = False,
    registry: Registry | None = None,
) -> TimestampingResult:
    """Ask authorities for a timestamp over a signature, and put it there.

    ``timestamp`` is the URL of an authority, or several URLs that are tried in turn, or a TimestampRequest. ``uid`` is
    not needed if there is only one signature. All other arguments are those of ``attach_timestamp``.
    """
    request = to_timestamp_request(timestamp)

    def request_one(candidates: list[_TimestampTarget]) -> tuple[_TimestampTarget, TimestampedSignature]:
        candidate = _only_target(candidates, uid)
        return candidate, request_timestamp(candidate.signature_item.signature, request, registry)

    return _timestamp_signature(
        source,
        request_one,
        uid=uid,
        replace=replace,
        output=output,
        in_place=in_place,
        overwrite=overwrite,
        registry=registry,
    )


def _timestamp_signature(
    source: DatasetInput,
    select: Callable[[list[_TimestampTarget]], tuple[_TimestampTarget, TimestampedSignature]],
    *,
    uid: str | None,
    replace: bool,
    output: OutputTarget | None,
    in_place: bool,
    overwrite: bool,
    registry: Registry | None,
) -> TimestampingResult:
    target = resolve_target(source, output, registry, in_place=in_place, overwrite=overwrite)
    with open_source(source, registry, for_update=True) as file:
        candidates = _find_targets(file, uid)
        free = [each for each in candidates if replace or not each.signature_item.signature.timestamp]
        if candidates and not free:
            raise UsageError(
                "the signature has a timestamp already",
                hint="replace=True puts another in its place",
                code="timestamp-exists",
            )
        candidate, stamped = select(free)
        body = apply_edits(
            file.body, build_timestamp_edits(candidate.level, candidate.signature_item, stamped.signature)
        )
        steps = candidate.level.level.location.steps
        changed = steps[0][0] if steps else tags.DIGITAL_SIGNATURES_SEQUENCE
        data = write_result(source, file, body, target, (changed,), registry)
    return TimestampingResult(signature=stamped.signature, verification=stamped.result, data=data)


def _find_targets(file: DicomFile, uid: str | None) -> list[_TimestampTarget]:
    """The signatures that may be meant; raises NoSuchSignature if there is none."""
    candidates = [
        _TimestampTarget(level=level, signature_item=found)
        for level in iter_signed_levels(file)
        if not level.level.in_original_attributes
        for found in level.level_signatures.signatures
        if uid in (None, found.signature.uid)
    ]
    if not candidates:
        if uid is not None:
            raise no_such_signature(uid)
        raise NoSuchSignature("the file has no signature", hint="sign the file before you request a timestamp")
    for each in candidates:
        if not each.signature_item.signature.value:
            raise TimestampError(
                "a signature without value cannot be certified", hint="verify() says more", code="signature-damaged"
            )
    return candidates


def _only_target(candidates: list[_TimestampTarget], uid: str | None) -> _TimestampTarget:
    if len(candidates) > 1:
        what = f"have UID {uid}" if uid else "are there"
        raise UsageError(
            f"{len(candidates)} signatures {what}: which one is meant?",
            hint="give its uid; signatures() lists them",
            code="several-signatures",
        )
    return candidates[0]
