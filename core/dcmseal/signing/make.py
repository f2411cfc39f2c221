"""Make a signature, the only step that uses the key, and attach it, the only step that changes data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from msgspec.structs import replace

from dcmseal import tags
from dcmseal.dataset.edits import apply_edits
from dcmseal.errors import CertificateMismatch, CertificateNotValid, MechanismUnavailable, UsageError, WeakAlgorithm
from dcmseal.mac.digest import MacStream
from dcmseal.mac.level_pass import build_vr_context
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.macro.edit import build_attach_edits
from dcmseal.macro.level_macs import digest_item
from dcmseal.macro.public_key import SignatureMatch, match_signature
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.macro.write import build_unsigned_item
from dcmseal.model.signature import DigitalSignature
from dcmseal.output.dataset_output import stage_file, to_file_bytes, write_stream
from dcmseal.output.staged_outputs import StagedOutputs, stage_outputs
from dcmseal.plugins.key_algorithms import unsupported_key_error
from dcmseal.plugins.signer_backend import Signer
from dcmseal.signing.plan import Plan, check_profile
from dcmseal.signing.preflight import signer_warnings
from dcmseal.terms import KeyType, MacAlgorithm

if TYPE_CHECKING:
    from dcmseal.signing.warnings import SigningWarning

AttachTarget: TypeAlias = "str | os.PathLike[str] | BinaryIO | None"

_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_ATTEMPTS: Final = 16


def build_mac_stream(plan: Plan) -> MacStream:
    """Build the MAC byte stream of a plan, which the key signs."""
    algorithm = MacAlgorithm(plan.mac.algorithm)
    job = plan.macs.find_job(plan.mac)
    assert job is not None
    digest = digest_item(build_unsigned_item(plan.signature), job.digest.copy())
    return MacStream(algorithm=algorithm, digest=digest.digest(), read=lambda: _iter_mac_stream(plan))


def make_signature(plan: Plan, signer: Signer, *, allow_expired: bool = False) -> DigitalSignature:
    """Sign a plan with a key, and verify the signature with the certificate.

    Args:
        plan: The planned signature.
        signer: The open key.
        allow_expired: Sign even if the certificate is not valid at the signing time.

    Returns:
        The signature, with certificate and value.

    Raises:
        SignerError: The key or its certificate cannot be used, or the subclass that says why.
        ProfileViolation: The profile does not allow this type of key.
    """
    return make_signature_with_warnings(plan, signer, allow_expired=allow_expired)[0]


def make_signature_with_warnings(
    plan: Plan, signer: Signer, *, allow_expired: bool = False
) -> tuple[DigitalSignature, tuple[SigningWarning, ...]]:
    """Sign a plan like ``make_signature``, and also return warnings about the certificate."""
    certificate = _read_certificate(signer)
    _check_certificate(plan, certificate, signer, allow_expired=allow_expired)
    check_profile(plan, certificate)
    known_codes = {warning.code for warning in plan.warnings}
    warnings = tuple(signer_warnings(plan.signature, certificate, known_codes))
    message = build_mac_stream(plan)
    value = b""
    for _ in range(_ATTEMPTS):
        value = signer.sign(message)
        if match_signature(certificate, message.algorithm, message.digest, value) is not SignatureMatch.MATCHES:
            raise CertificateMismatch(
                "the key made a signature that its own certificate does not verify",
                hint="nothing was written: the certificate belongs to another key, or the device is faulty",
            )
        # DCMTK reads the padding of an odd DER value of more than 127 bytes as part of it; another value may be even
        if certificate.key_type is KeyType.RSA or not len(value) & 1 or len(value) <= 0x82:
            break
    return replace(plan.signature, certificate=certificate.der, value=value), warnings


def _read_certificate(signer: Signer) -> Certificate:
    chain = signer.certificate_chain
    if not chain:
        raise CertificateNotValid("the key has no certificate", hint="add it to the key URI: pem:KEY?cert=CERTIFICATE")
    return read_certificate(chain[0])


def _check_certificate(plan: Plan, certificate: Certificate, signer: Signer, *, allow_expired: bool) -> None:
    if certificate.key_type is None:
        raise unsupported_key_error("the key of the certificate", certificate.algorithm)
    if certificate.key_type is not signer.key_type:
        raise CertificateMismatch(
            "the certificate is for another type of key than the signer's", hint="use the certificate of this key"
        )
    least = certificate.key_type.min_bits
    if certificate.key_bits < least:
        raise WeakAlgorithm(
            f"a key of {certificate.key_bits} bits is too weak for a new signature", hint=f"use {least} bits or more"
        )
    curve = getattr(getattr(certificate.public_key, "curve", None), "name", None)
    if certificate.key_type is KeyType.EC and curve not in _CURVES:
        raise MechanismUnavailable(
            f"DICOM signatures do not support curve {curve}", hint="use a key on P-256, P-384 or P-521"
        )
    moment = plan.signature.moment
    assert moment is not None
    if not allow_expired and not certificate.not_before <= moment <= certificate.not_after:
        when = "has expired" if moment > certificate.not_after else "is not valid yet"
        raise CertificateNotValid(
            f"the certificate {when}: it is valid from {certificate.not_before} to {certificate.not_after}",
            hint="renew it; if you allow expired certificates, you can sign, but every verifier will object",
            code="certificate-expired",
        )


def _iter_mac_stream(plan: Plan) -> Iterator[bytes]:
    """Read the MAC byte stream from the plan's Data Set again."""
    signed = frozenset(plan.elements)
    encoder = MacEncoder(source=plan.level.source, encoding=plan.level.encoding)
    encoder.context = build_vr_context(plan.scan, encoder.context)
    for index, tag in enumerate(plan.scan.tags):
        if tag in signed:
            yield from map(bytes, encoder.encode_element(plan.scan, index))
    item = build_unsigned_item(plan.signature)
    encoder = MacEncoder(source=item.source, encoding=item.encoding)
    for index, tag in enumerate(item.tags):
        if tag not in tags.NOT_IN_MAC:
            yield from map(bytes, encoder.encode_element(item, index))


def attach_signature(plan: Plan, signature: DigitalSignature, output: AttachTarget = None) -> bytes | None:
    """Put a signature into the plan's Data Set, and write the result.

    Args:
        plan: The planned signature.
        signature: The signature that was made for it.
        output: A path or URL, which may be the input's own, or a binary stream; None to return the result. A pydicom
            Dataset is changed in place, and takes no output.

    Returns:
        The bytes of the signed file; None if they were written, or a pydicom Dataset was changed.

    Raises:
        UsageError: An output is given for a pydicom Dataset.
        OutputError: The result cannot be written.
        PluginError: No plugin supports the URL.
        StorageUnavailable: The storage of the URL cannot be reached.
    """
    with stage_outputs() as outputs:
        data = stage_signature(outputs, plan, signature, output)
        outputs.commit()
    return data


def stage_signature(
    outputs: StagedOutputs, plan: Plan, signature: DigitalSignature, output: AttachTarget = None
) -> bytes | None:
    """Put a signature into the plan's Data Set, and write the result, which appears when the outputs are committed.

    Args:
        outputs: The outputs to add it to.
        plan: The planned signature.
        signature: The signature that was made for it.
        output: The target, as in ``attach_signature``.

    Returns:
        The bytes of the signed file; None if there is an output, or a pydicom Dataset is changed.

    Raises:
        SealError: The errors of ``attach_signature``.
    """
    dataset = plan.dataset
    if dataset is not None:
        from dcmseal.sources.pydicom_dataset import attach_to_dataset

        if output is not None:
            raise UsageError("a pydicom Dataset is signed in place", hint="save it yourself")
        changed = {each.path[0] for each in plan.padded}
        if plan.filled_document:
            changed |= plan.filled_document.evidence
        outputs.add_action(lambda: attach_to_dataset(dataset, plan.file, signature, changed))
        return None
    body = apply_edits(plan.file.body, build_attach_edits(plan.level, plan.scan, signature))
    if output is None:
        return to_file_bytes(plan.file, body)
    if isinstance(output, (str, os.PathLike)):
        stage_file(outputs, plan.file, body, output, plan.registry)
    else:
        outputs.add_action(lambda: write_stream(plan.file, body, output))
    return None
