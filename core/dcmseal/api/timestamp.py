"""Adding timestamps to existing signatures, in one step or in two that need no network (PS3.15 C.1).

>>> from dcmseal import build_timestamp_query
>>> query = build_timestamp_query("signed.dcm")
>>> query[:1].hex()
'30'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from dcmseal import tags
from dcmseal.api.inspect import no_such_signature
from dcmseal.api.installed_plugins import provide_registry
from dcmseal.dataset.edits import apply_edits
from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import NoSuchSignature, TimestampError, TimestampRejected, UsageError
from dcmseal.macro.edit import build_timestamp_edits
from dcmseal.macro.levels import SignedLevel, iter_signed_levels
from dcmseal.macro.read import SignatureItem
from dcmseal.output.destination import OutputTarget, resolve_target, write_result
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.registry_provider import RegistryProvider
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


class _TimestampTarget(Struct, frozen=True, kw_only=True):
    level: SignedLevel
    signature_item: SignatureItem


def build_timestamp_query(
    source: DatasetInput,
    *,
    uid: str | None = None,
    query_options: TimestampQuery | None = None,
    registry: Registry | None = None,
) -> bytes:
    """Build a query for a timestamp over a signature, to be sent to an authority by other means.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        uid: The Digital Signature UID; not needed if there is only one signature.
        query_options: What to request; None for the defaults.
        registry: The plugins to use; None for all that are installed.

    Returns:
        The query in DER.

    Raises:
        NoSuchSignature: The Data Set has no such signature.
        UsageError: There are several signatures, or the options are invalid.
        DatasetError: The Data Set cannot be read.
        PluginError: No plugin supports timestamps.
    """
    plugins = provide_registry(registry)
    with open_source(source, plugins) as file:
        candidate = _only_target(_find_targets(file, uid), uid)
        return build_query(candidate.signature_item.signature, query_options or TimestampQuery(), plugins)


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
    """Add the timestamp from an authority's response to the signature that it belongs to.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        response: The response of the authority, or the timestamp in it.
        query: The query, whose nonce and policy the response must match; None to skip this check.
        uid: The Digital Signature UID; None to find the signature that the timestamp certifies.
        replace: Replace an existing timestamp.
        output: Where to write the result, as in ``sign``.
        in_place: Replace ``source``.
        overwrite: Replace a file that exists at ``output``.
        registry: The plugins to use; None for all that are installed.

    Returns:
        The signature with its timestamp, and the bytes of the file if there is no ``output``.

    Raises:
        TimestampError: The response cannot be parsed, or the timestamp is invalid.
        NoSuchSignature: The Data Set has no such signature.
        UsageError: The arguments contradict each other, or the signature has a timestamp.
        DatasetError: The Data Set cannot be read.
        PluginError: No plugin supports timestamps, or a URL.
        OutputError: The result cannot be written. After any error, nothing was written.
    """
    plugins = provide_registry(registry)

    def match_response(candidates: list[_TimestampTarget]) -> tuple[_TimestampTarget, TimestampedSignature]:
        rejected: TimestampRejected | None = None
        for each in candidates:
            try:
                return each, accept_response(each.signature_item.signature, response, query, plugins)
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
        registry=plugins,
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
    """Request a timestamp over a signature from an authority, and add it to the signature.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        timestamp: The URL of an authority, several URLs that are tried in turn, or a TimestampRequest.
        uid: The Digital Signature UID; not needed if there is only one signature.
        replace: Replace an existing timestamp.
        output: Where to write the result, as in ``sign``.
        in_place: Replace ``source``.
        overwrite: Replace a file that exists at ``output``.
        registry: The plugins to use; None for all that are installed.

    Returns:
        The signature with its timestamp, and the bytes of the file if there is no ``output``.

    Raises:
        TimestampError: No authority returned a valid timestamp.
        NoSuchSignature: The Data Set has no such signature.
        UsageError: The arguments contradict each other, or the signature has a timestamp.
        DatasetError: The Data Set cannot be read.
        PluginError: No plugin supports timestamps, or a URL.
        OutputError: The result cannot be written. After any error, nothing was written.
    """
    request = to_timestamp_request(timestamp)
    plugins = provide_registry(registry)

    def request_one(candidates: list[_TimestampTarget]) -> tuple[_TimestampTarget, TimestampedSignature]:
        candidate = _only_target(candidates, uid)
        return candidate, request_timestamp(candidate.signature_item.signature, request, plugins)

    return _timestamp_signature(
        source,
        request_one,
        uid=uid,
        replace=replace,
        output=output,
        in_place=in_place,
        overwrite=overwrite,
        registry=plugins,
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
    registry: RegistryProvider,
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
    """Find the signatures that may be meant; raises NoSuchSignature if there is none."""
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
