"""Loads certificates, CRLs and OCSP responses from files and folders, in PEM or DER, with limits."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from dcmseal.errors import TrustError
from dcmseal.plugins.certificate_files import no_certificates_error
from dcmseal.plugins.certificate_formats import NoCertificates, extract_certificate_ders, is_pkcs12
from dcmseal.plugins.pem import iter_pem_blocks, load_file, to_ascii
from dcmseal.plugins.trust import TrustSettings
from dcmseal_trust.crls import Crl, parse_crl
from dcmseal_trust.ocsp import OcspResponse, parse_ocsp_response
from dcmseal_trust.signed_by_known import split_by_known_issuer
from dcmseal_trust.x509_certificates import RefusedObject, X509Certificate, iter_usable, parse_certificate


def iter_system_certificates() -> Iterator[bytes]:
    """Iterate over the DER of the system's trusted certificates: OpenSSL's default paths, or the Windows store."""
    context = ssl.create_default_context()
    yield from context.get_ca_certs(binary_form=True)


T = TypeVar("T")

MAX_MATERIAL_BYTES: Final = 64 << 20
"""Maximum size of a file, enough for a CRL with a million entries."""
_MAX_FILES: Final = 10_000
_CERTIFICATE_LABELS: Final = frozenset[str]()
"""Empty, because certificates are also accepted in other formats than PEM and DER."""
_CRL_LABELS: Final = frozenset({"X509 CRL"})
_OCSP_LABELS: Final = frozenset({"OCSP RESPONSE"})


class LoadedMaterial(Struct, frozen=True, kw_only=True):
    """Parsed trust anchors, intermediate certificates, CRLs and OCSP responses."""

    anchors: tuple[X509Certificate, ...]
    intermediates: tuple[X509Certificate, ...] = ()
    crls: tuple[Crl, ...] = ()
    ocsp_responses: tuple[OcspResponse, ...] = ()
    unverified: tuple[X509Certificate, ...] = ()
    """Certificates without a chain to a known one; used only to explain where a chain ends."""
    refused: tuple[str, ...] = ()
    """A message for each object that must not be used, with the reason."""


def load_material(settings: TrustSettings) -> LoadedMaterial:
    """Load the files that the settings name.

    Raises:
        TrustError: A file cannot be read, or there is no trust anchor.
    """
    given = settings.material
    refused: list[str] = []
    anchors = (
        *_load_all(settings.anchors, "certificate", _CERTIFICATE_LABELS, parse_certificate, refused),
        *iter_usable(given.anchors),
    )
    if settings.system_anchors:
        anchors += tuple(iter_usable(iter_system_certificates()))
    if not (anchors or refused):
        raise TrustError("the operating system has no trust anchors", hint="name a file with a trust anchor")
    named = _load_all(settings.intermediates, "certificate", _CERTIFICATE_LABELS, parse_certificate, refused)
    verified, unverified = split_by_known_issuer(tuple(iter_usable(given.certificates)), (*anchors, *named))
    return LoadedMaterial(
        anchors=anchors,
        intermediates=(*named, *verified),
        unverified=unverified,
        crls=(*_load_all(settings.crls, "CRL", _CRL_LABELS, parse_crl, refused), *_iter_valid(given.crls, parse_crl)),
        ocsp_responses=(
            *_load_all(settings.ocsp_responses, "OCSP response", _OCSP_LABELS, parse_ocsp_response, refused),
            *_iter_valid(given.ocsp_responses, parse_ocsp_response),
        ),
        refused=tuple(refused),
    )


def _iter_valid(values: Iterable[bytes], parse: Callable[[bytes], T]) -> Iterator[T]:
    for der in values:
        try:
            yield parse(der)
        except Exception:  # noqa: BLE001, S112 - use the others despite a malformed one
            continue


def _load_all(
    names: tuple[str, ...], kind: str, labels: frozenset[str], parse: Callable[[bytes], T], refused: list[str]
) -> tuple[T, ...]:
    """Load the objects in files and folders, and append a message to ``refused`` for each that must not be used."""
    values: list[T] = []
    for name in names:
        for path in _iter_files(name):
            is_named = path == Path(name).expanduser()
            values.extend(_iter_values(path, kind, labels, parse, refused, is_named=is_named))
    return tuple(values)


def _iter_files(name: str) -> Iterator[Path]:
    """Iterate over a file, or the files of a folder, without the links that OpenSSL's c_rehash adds."""
    path = Path(name).expanduser()
    if not path.is_dir():
        yield path
        return
    try:
        entries = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise TrustError(f"the folder {name} cannot be read: {error.strerror}", hint="check its permissions") from None
    if len(entries) > _MAX_FILES:
        raise TrustError(f"the folder {name} contains more than {_MAX_FILES} files", hint="check the path")
    yield from {os.path.realpath(entry): entry for entry in entries}.values()


def _iter_values(
    path: Path, kind: str, labels: frozenset[str], parse: Callable[[bytes], T], refused: list[str], *, is_named: bool
) -> Iterator[T]:
    """Iterate over the objects in a file; a file in a folder, which is not named itself, may contain none."""
    data = load_file(path, MAX_MATERIAL_BYTES, error=TrustError)
    try:
        blocks = _extract_ders(data, labels) if labels else _extract_certificates(data, is_named=is_named)
    except NoCertificates as error:
        if is_named:
            raise no_certificates_error(error, os.fspath(path), TrustError) from None
        return
    if not blocks and is_named:
        raise TrustError(f"{os.fspath(path)!r} contains no {kind}", hint="name a file in PEM or DER")
    for der in blocks:
        try:
            yield parse(der)
        except RefusedObject as error:
            refused.append(f"rejected {kind} in {os.fspath(path)!r}: {error}")
        except Exception:  # noqa: BLE001 - ASN.1 readers raise many exceptions
            if is_named or not data.startswith(b"\x30"):
                message = f"the {kind} in {os.fspath(path)!r} cannot be read"
                raise TrustError(message, hint="get the file again from its issuer") from None


def _extract_certificates(data: bytes, *, is_named: bool) -> tuple[bytes, ...]:
    # the file determines how long it takes to detect that a PKCS #12 file requires a passphrase
    return () if is_pkcs12(data) and not is_named else extract_certificate_ders(data)


def _extract_ders(data: bytes, labels: frozenset[str]) -> tuple[bytes, ...]:
    if data.startswith(b"\x30"):
        return (data,)
    return tuple(block.der_or_empty for block in iter_pem_blocks(to_ascii(data)) if block.label in labels)
