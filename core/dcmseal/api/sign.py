"""Changes to a Data Set, as applications make them: sign it, or remove signatures from it.

>>> from dcmseal import remove, sign
>>> result = sign("image.dcm", key="pem:signer.key.pem?cert=signer.cert.pem", tags=["PatientID"])
>>> [removed.uid for removed in remove(result.data).removed] == [result.uid]
True
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack

from dcmseal.errors import UsageError
from dcmseal.location import Location
from dcmseal.output.collisions import ProtectedPath, check_outputs, iter_key_files
from dcmseal.output.destination import OutputTarget, resolve_target, write_extra
from dcmseal.plugins.profile import Profile
from dcmseal.plugins.registry import Registry, installed_registry
from dcmseal.plugins.signer_backend import SecretRequest, Secrets, Signer
from dcmseal.references.reference_folders import References, to_reference_folders
from dcmseal.signing import make
from dcmseal.signing.existing_signatures import sort_warnings
from dcmseal.signing.options import TagInput, build_options
from dcmseal.signing.plan import Plan, plan_signature
from dcmseal.signing.signing_result import SigningResult
from dcmseal.signing.timestamp_request import TimestampRequest, request_timestamp, to_timestamp_request
from dcmseal.signing.warnings import timestamp_warnings
from dcmseal.sources.dataset_input import DatasetInput
from dcmseal.terms import MacAlgorithm, SignaturePurpose
from dcmseal.urls import URL_SEPARATOR


def plan_signing(
    source: DatasetInput,
    *,
    location: Location | str = "main",
    tags: Iterable[TagInput] | None = None,
    only_required: bool = False,
    profile: str | Profile | None = None,
    algorithm: MacAlgorithm | str = MacAlgorithm.SHA256,
    transfer_syntax: str | None = None,
    purpose: SignaturePurpose | int | str | None = None,
    allow_weak: bool = False,
    padding: str = "minimal",
    references: References | None = None,
    timestamped: bool = False,
    require_intact: bool = False,
    uid: str | None = None,
    registry: Registry | None = None,
) -> Plan:
    """Decide all of a signature but its value; nothing is written and no key is touched.

    Use the plan as a context, or close it: it keeps the source open. ``timestamped`` says that the signature will get
    a certified timestamp, which a profile may ask for. For the other arguments and the errors see ``sign``.
    """
    wish = build_options(
        location=location,
        tags=tags,
        only_required=only_required,
        profile=None if profile is None else _resolve_profile(profile, registry),
        algorithm=algorithm,
        transfer_syntax=transfer_syntax,
        purpose=purpose,
        allow_weak=allow_weak,
        padding=padding,
        references=to_reference_folders(references),
        timestamped=timestamped,
        require_intact=require_intact,
        uid=uid,
    )
    return plan_signature(source, wish, registry)


def sign(
    source: DatasetInput,
    *,
    key: str | None = None,
    signer: Signer | None = None,
    output: OutputTarget | None = None,
    in_place: bool = False,
    location: Location | str = "main",
    tags: Iterable[TagInput] | None = None,
    only_required: bool = False,
    profile: str | Profile | None = None,
    algorithm: MacAlgorithm | str = MacAlgorithm.SHA256,
    transfer_syntax: str | None = None,
    purpose: SignaturePurpose | int | str | None = None,
    allow_weak: bool = False,
    allow_expired: bool = False,
    padding: str = "minimal",
    references: References | None = None,
    timestamp: str | Iterable[str] | TimestampRequest | None = None,
    manifest: OutputTarget | None = None,
    require_intact: bool = False,
    uid: str | None = None,
    secrets: Secrets | None = None,
    registry: Registry | None = None,
) -> SigningResult:
    """Plan a signature, have a key make it, verify it, and put it in its place.

    ``key`` is a key URI such as ``pem:key.pem?cert=cert.pem``, for which ``secrets`` answers requests for a passphrase;
    or give an open ``signer``. The result goes to ``output`` (a path, URL or binary stream), with ``in_place`` to the
    path or URL it came from, into a pydicom Dataset itself, or else into ``SigningResult.data``.

    ``location`` is the main data set or an item, as in ``BeamSequence[0]``. ``tags`` chooses elements by number,
    keyword or ``(gggg,eeee)``; without them all that can be signed are, or with ``only_required`` those that
    ``profile`` demands. ``algorithm`` is a MAC algorithm, ``transfer_syntax`` the MAC Calculation Transfer Syntax
    UID, ``purpose`` one of CID 7007 by number or name. ``allow_weak`` and ``allow_expired`` let pass what is
    otherwise refused. ``padding`` ``keep`` leaves excess padding of text values as it is, instead of bringing it to
    the minimum that all verifiers agree on. ``timestamp`` is the URL of a timestamp authority, or of several that are
    asked in turn, or a TimestampWish: without a sound timestamp nothing is then written. ``references`` are folders
    with the instances that a report or selection of key objects cites as evidence: their signatures or MACs are filled
    in first, so that the signature covers them (PS3.3 C.17.2.1). ``manifest`` is where a manifest goes, a path or
    binary stream: signed by the same key, it lets ``verify`` name what was changed later. It is in its place before the
    signed file is. ``require_intact`` refuses to sign where a signature that is there already does not hold, which is
    else a warning, the first of all (``existing-signature-invalid``). ``uid`` is the Digital Signature UID of the
    signature, which is new if none is given: AlreadySigned is raised if it is there.

    Raises UsageError, DatasetError, ProfileError, SignerError, TimestampError, PluginError, OutputError, or one of
    their kinds; nothing is then written.
    """
    if (key is None) == (signer is None):
        raise UsageError("give either a key or a signer", hint="key='pem:key.pem?cert=cert.pem'")
    wanted = None if timestamp is None else to_timestamp_request(timestamp)
    target = resolve_target(source, output, in_place=in_place)
    _check_manifest(manifest, source, target, key)
    with (
        plan_signing(
            source,
            location=location,
            tags=tags,
            only_required=only_required,
            profile=profile,
            algorithm=algorithm,
            transfer_syntax=transfer_syntax,
            purpose=purpose,
            allow_weak=allow_weak,
            padding=padding,
            references=references,
            timestamped=wanted is not None,
            require_intact=require_intact,
            uid=uid,
            registry=registry,
        ) as planned,
        ExitStack() as stack,
    ):
        if signer is None:
            plugins = registry or installed_registry()
            signer = stack.enter_context(plugins.open_signer(key or "", secrets or _no_secrets))
        signature, warnings = make.make_signature_with_warnings(planned, signer, allow_expired=allow_expired)
        made = None
        if manifest is not None:
            from dcmseal.change_manifest.manifest_signing import make_manifest

            made = make_manifest(planned, signature, signer)
        stamped = None if wanted is None else request_timestamp(signature, wanted, registry)
        signature = stamped.signature if stamped else signature
        data = make.attach_signature(
            planned, signature, target, registry, before_commit=lambda: write_extra(made, manifest, planned.file)
        )
    return SigningResult(
        signature=signature,
        warnings=sort_warnings(
            (*warnings, *planned.warnings, *(timestamp_warnings(stamped.result) if stamped else ()))
        ),
        padded=tuple(each.path for each in planned.padded),
        left_out=planned.left_out,
        data=data,
        references=planned.references,
        manifest=made,
        certified=stamped.result if stamped else None,
    )


def _check_manifest(
    manifest: OutputTarget | None, source: DatasetInput, target: OutputTarget | None, key: str | None
) -> None:
    """Refuse a manifest in the place of what is read or written besides; raises UsageError."""
    path = _local_path(manifest)
    if path is not None:
        others = [
            ProtectedPath(each, "the input or output")
            for each in map(_local_path, (source, target))
            if each is not None
        ]
        check_outputs(
            [path], [*others, *(ProtectedPath(each, "a file of the key") for each in iter_key_files(key or ""))]
        )


def _local_path(place: DatasetInput | OutputTarget | None) -> str | None:
    """The path, if it is one."""
    if not isinstance(place, (str, os.PathLike)):
        return None
    path = os.fspath(place)
    return None if URL_SEPARATOR in path else path


def _no_secrets(_: SecretRequest) -> str | None:
    return None


def _resolve_profile(profile: str | Profile, registry: Registry | None) -> Profile:
    return (registry or installed_registry()).profile(profile) if isinstance(profile, str) else profile
