"""Signing a Data Set.

>>> from dcmseal import remove, sign
>>> result = sign("image.dcm", key="pem:signer.key.pem?cert=signer.cert.pem", tags=["PatientID"])
>>> [removed.uid for removed in remove(result.data).removed] == [result.uid]
True
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Unpack

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.errors import UsageError
from dcmseal.output.collisions import ProtectedPath, check_outputs, iter_key_files
from dcmseal.output.destination import OutputTarget, protect_existing, resolve_target, stage_manifest
from dcmseal.output.staged_outputs import stage_outputs
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.signer_backend import SecretRequest, Secrets, Signer
from dcmseal.signing import make
from dcmseal.signing.existing_signatures import sort_warnings
from dcmseal.signing.plan import Plan, plan_signature
from dcmseal.signing.signing_context import SigningContext
from dcmseal.signing.signing_options import SignKeywords, SignOptions
from dcmseal.signing.signing_result import SigningResult
from dcmseal.signing.timestamping import request_timestamp
from dcmseal.signing.warnings import timestamp_warnings
from dcmseal.sources.dataset_input import DatasetInput
from dcmseal.urls import URL_SEPARATOR


def plan_signing(
    source: DatasetInput,
    *,
    uid: str | None = None,
    registry: Registry | None = None,
    options: SignOptions | None = None,
    **keywords: Unpack[SignKeywords],
) -> Plan:
    """Decide everything about a signature except its value, without a key and without writing anything.

    Use the plan as a context manager, or close it: it keeps the source open.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        uid: The Digital Signature UID; None for a new one.
        registry: The plugins to use; None for all that are installed.
        options: The options as one value.
        **keywords: The options one by one, as in ``sign``; no timestamp authority is asked.

    Returns:
        The plan. Print it for a dry run.

    Raises:
        SealError: Whatever ``sign`` would refuse without a key.
    """
    context = SigningContext.build(SignOptions.build(options, keywords), provide_registry(registry), uid=uid)
    return plan_signature(source, context)


def sign(
    source: DatasetInput,
    *,
    key: str | None = None,
    signer: Signer | None = None,
    secrets: Secrets | None = None,
    output: OutputTarget | None = None,
    in_place: bool = False,
    overwrite: bool = False,
    manifest: OutputTarget | None = None,
    uid: str | None = None,
    registry: Registry | None = None,
    options: SignOptions | None = None,
    **keywords: Unpack[SignKeywords],
) -> SigningResult:
    """Sign a Data Set, verify the new signature, and write the result.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        key: A key URI such as ``pem:key.pem?cert=cert.pem``. Give either ``key`` or ``signer``.
        signer: An open key.
        secrets: Answers requests for the passphrase or PIN of ``key``.
        output: A path, URL or binary stream for the result. Without ``output`` and ``in_place``, the result is in
            ``SigningResult.data``; a pydicom Dataset is changed itself.
        in_place: Replace ``source``, which is a path or URL.
        overwrite: Replace files that exist at ``output`` and ``manifest``.
        manifest: A path or binary stream for a manifest, signed by the same key, which lets ``verify`` name later
            changes. It is written before the signed file.
        uid: The Digital Signature UID; None for a new one.
        registry: The plugins to use; None for all that are installed.
        options: The options as one value.
        **keywords: The options one by one; they are the fields of SignOptions, and replace those of ``options``.

    Returns:
        The signature, with warnings.

    Raises:
        UsageError: The arguments contradict each other or cannot be read.
        DatasetError: The Data Set cannot be read or signed, or already has a signature ``uid``.
        ProfileError: The profile is unknown or not met.
        SignerError: The key cannot be used.
        TimestampError: No authority gave a valid timestamp.
        PluginError: A plugin is missing or broken.
        OutputError: The result cannot be written. After any error, nothing was written.
    """
    if (key is None) == (signer is None):
        raise UsageError("give either a key or a signer", hint="key='pem:key.pem?cert=cert.pem'")
    plugins = provide_registry(registry)
    context = SigningContext.build(SignOptions.build(options, keywords), plugins, uid=uid)
    target = resolve_target(source, output, plugins, in_place=in_place, overwrite=overwrite)
    _check_manifest(manifest, source, target, key)
    manifest = protect_existing(manifest, plugins, overwrite=overwrite)
    timestamp = context.options.timestamp
    with plan_signature(source, context) as planned, ExitStack() as stack:
        if signer is None:
            signer = stack.enter_context(plugins().open_signer(key or "", secrets or _no_secrets))
        signature, warnings = make.make_signature_with_warnings(
            planned, signer, allow_expired=context.options.allow_expired
        )
        made = None
        if manifest is not None:
            from dcmseal.change_manifest.manifest_signing import make_manifest

            made = make_manifest(planned, signature, signer)
        stamped = None if timestamp is None else request_timestamp(signature, timestamp, plugins)
        signature = stamped.signature if stamped else signature
        outputs = stack.enter_context(stage_outputs())
        if made is not None and manifest is not None:
            # first, so that the signed file never exists without the manifest that was asked for
            stage_manifest(outputs, made, manifest, planned.file)
        data = make.stage_signature(outputs, planned, signature, target)
        outputs.commit()
    return SigningResult(
        signature=signature,
        warnings=sort_warnings(
            (*warnings, *planned.warnings, *(timestamp_warnings(stamped.result) if stamped else ()))
        ),
        padded=tuple(each.path for each in planned.padded),
        unsignable=planned.unsignable,
        data=data,
        references=planned.references,
        manifest=made,
        certified=stamped.result if stamped else None,
    )


def _check_manifest(
    manifest: OutputTarget | None, source: DatasetInput, target: OutputTarget | None, key: str | None
) -> None:
    """Refuse a manifest that would replace another file of this call; raises UsageError."""
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
