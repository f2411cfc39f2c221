"""Certificates, CRLs and OCSP responses in files and folders, PEM or DER, each read strictly and with a limit."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

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
    """Their DER: of OpenSSL's default files and folders, or of the system's store on Windows."""
    context = ssl.create_default_context()
    yield from context.get_ca_certs(binary_form=True)


T = TypeVar("T")

MAX_MATERIAL_BYTES: Final = 64 << 20
"""The largest file that is read: a CRL of a million entries."""
_MAX_FILES: Final = 10_000
_CERTIFICATE: Final = frozenset[str]()
"""In all forms that certificates come in."""
_CRL: Final = frozenset({"X509 CRL"})
_OCSP: Final = frozenset({"OCSP RESPONSE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedMaterial:
    """What certificates are judged by."""

    anchors: tuple[X509Certificate, ...]
    intermediates: tuple[X509Certificate, ...] = ()
    crls: tuple[Crl, ...] = ()
    ocsp_responses: tuple[OcspResponse, ...] = ()
    unproven: tuple[X509Certificate, ...] = ()
    """Certificates that none of the others has signed: no path leads through them, but they tell where one ends."""
    refused: tuple[str, ...] = ()
    """What was named and must not be used, and why."""


def load_material(settings: TrustSettings) -> LoadedMaterial:
    """Read all files that settings name; raises TrustError if one of them cannot be read."""
    given = settings.material
    refused: list[str] = []
    anchors = (
        *_load_all(settings.anchors, "certificate", _CERTIFICATE, parse_certificate, refused),
        *iter_usable(given.anchors),
    )
    if settings.system_anchors:
        anchors += tuple(iter_usable(iter_system_certificates()))
    if not (anchors or refused):
        raise TrustError("there is no trust anchor: the operating system has none", hint="name a file with one")
    named = _load_all(settings.intermediates, "certificate", _CERTIFICATE, parse_certificate, refused)
    proven, unproven = split_by_known_issuer(tuple(iter_usable(given.certificates)), (*anchors, *named))
    return LoadedMaterial(
        anchors=anchors,
        intermediates=(*named, *proven),
        unproven=unproven,
        crls=(*_load_all(settings.crls, "CRL", _CRL, parse_crl, refused), *_iter_readable(given.crls, parse_crl)),
        ocsp_responses=(
            *_load_all(settings.ocsp_responses, "OCSP response", _OCSP, parse_ocsp_response, refused),
            *_iter_readable(given.ocsp_responses, parse_ocsp_response),
        ),
        refused=tuple(refused),
    )


def _iter_readable(values: Iterable[bytes], read: Callable[[bytes], T]) -> Iterator[T]:
    for der in values:
        try:
            yield read(der)
        except Exception:  # noqa: BLE001, S112 - an odd one is no reason to do without the others
            continue


def _load_all(
    names: tuple[str, ...], what: str, labels: frozenset[str], read: Callable[[bytes], T], refused: list[str]
) -> tuple[T, ...]:
    """The values of the files; what can be read and must not be used is told in ``refused``."""
    values: list[T] = []
    for name in names:
        for path in _iter_files(name):
            values.extend(_iter_values(path, what, labels, read, refused, alone=path == Path(name).expanduser()))
    return tuple(values)


def _iter_files(name: str) -> Iterator[Path]:
    """The file, or the files right in the folder; links that OpenSSL's c_rehash made there lead to them again."""
    place = Path(name).expanduser()
    if not place.is_dir():
        yield place
        return
    try:
        entries = sorted(entry for entry in place.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise TrustError(f"the folder {name} cannot be read: {error.strerror}", hint="check its permissions") from None
    if len(entries) > _MAX_FILES:
        raise TrustError(f"the folder {name} holds more than {_MAX_FILES} files", hint="check the path")
    yield from {os.path.realpath(entry): entry for entry in entries}.values()


def _iter_values(
    path: Path, what: str, labels: frozenset[str], read: Callable[[bytes], T], refused: list[str], *, alone: bool
) -> Iterator[T]:
    """The values of a file; of a folder's files, those that hold none are passed over."""
    data = load_file(path, MAX_MATERIAL_BYTES, error=TrustError)
    try:
        blocks = _extract_ders(data, labels) if labels else _extract_certificates(data, alone=alone)
    except NoCertificates as error:
        if alone:
            raise no_certificates_error(error, os.fspath(path), TrustError) from None
        return
    if not blocks and alone:
        raise TrustError(f"{os.fspath(path)!r} holds no {what}", hint="name a file in PEM or DER")
    for der in blocks:
        try:
            yield read(der)
        except RefusedObject as error:
            # one that is odd is no reason to do without the others
            refused.append(f"a {what} in {os.fspath(path)!r} is not used: {error}")
        except Exception:  # noqa: BLE001 - readers of ASN.1 fail in many ways
            if alone or not data.startswith(b"\x30"):
                message = f"a {what} in {os.fspath(path)!r} cannot be read"
                raise TrustError(message, hint="get the file again from its issuer") from None


def _extract_certificates(data: bytes, *, alone: bool) -> tuple[bytes, ...]:
    # how long it takes to find out that a PKCS #12 file wants a passphrase, is in the file
    return () if is_pkcs12(data) and not alone else extract_certificate_ders(data)


def _extract_ders(data: bytes, labels: frozenset[str]) -> tuple[bytes, ...]:
    if data.startswith(b"\x30"):
        return (data,)
    return tuple(block.der_or_empty for block in iter_pem_blocks(to_ascii(data)) if block.label in labels)
