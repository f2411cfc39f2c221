"""Certificates, CRLs and OCSP responses in files and folders, PEM or DER, each read strictly and with a limit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from dcmseal.errors import TrustError
from dcmseal.plugins.certificate_files import none_there
from dcmseal.plugins.certificate_formats import NoCertificates, encoded_certificates, is_pkcs12
from dcmseal.plugins.pem import PemBlock, ascii_text, contents, pem_blocks
from dcmseal.plugins.trust import TrustSettings
from dcmseal_trust.leading import leading
from dcmseal_trust.system_store import system_certificates

T = TypeVar("T")

MOST_BYTES: Final = 64 << 20
"""The largest file that is read: a CRL of a million entries."""
_MOST_FILES: Final = 10_000
_CERTIFICATE: Final = frozenset[str]()
"""In all forms that certificates come in."""
_CRL: Final = frozenset({"X509 CRL"})
_OCSP: Final = frozenset({"OCSP RESPONSE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What certificates are judged by."""

    anchors: tuple[asn1_x509.Certificate, ...]
    intermediates: tuple[asn1_x509.Certificate, ...] = ()
    crls: tuple[asn1_crl.CertificateList, ...] = ()
    ocsp_responses: tuple[asn1_ocsp.OCSPResponse, ...] = ()
    unproven: tuple[asn1_x509.Certificate, ...] = ()
    """Certificates that none of the others has signed: no path leads through them, but they tell where one ends."""


def read_material(settings: TrustSettings) -> Material:
    """Read all files that settings name; raises TrustError if one of them cannot be read."""
    given = settings.material
    anchors = (*_all(settings.anchors, "certificate", _CERTIFICATE, certificate), *readable(given.anchors))
    if settings.system_anchors:
        anchors += tuple(readable(system_certificates()))
    if not anchors:
        raise TrustError("there is no trust anchor: the operating system has none", hint="name a file with one")
    named = _all(settings.intermediates, "certificate", _CERTIFICATE, certificate)
    proven, unproven = leading(tuple(readable(given.certificates)), (*anchors, *named))
    return Material(
        anchors=anchors,
        intermediates=(*named, *proven),
        unproven=unproven,
        crls=(*_all(settings.crls, "CRL", _CRL, crl), *_readable(given.crls, crl)),
        ocsp_responses=(
            *_all(settings.ocsp_responses, "OCSP response", _OCSP, ocsp_response),
            *_readable(given.ocsp_responses, ocsp_response),
        ),
    )


def certificate(der: bytes) -> asn1_x509.Certificate:
    """Read a certificate; raises ValueError if it is none."""
    # the strict reader goes first: the other one reads lazily, and fails late and in many ways
    try:
        x509.load_der_x509_certificate(der).public_key()
    except (x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise ValueError("no certificate that can be used") from error
    return asn1_x509.Certificate.load(der, strict=True)


def crl(der: bytes) -> asn1_crl.CertificateList:
    """Read a CRL; raises ValueError if it is none."""
    x509.load_der_x509_crl(der)
    return asn1_crl.CertificateList.load(der, strict=True)


def ocsp_response(der: bytes) -> asn1_ocsp.OCSPResponse:
    """Read an OCSP response; raises ValueError if it is none, or says that there was no answer."""
    response = asn1_ocsp.OCSPResponse.load(der, strict=True)
    if response["response_status"].native != "successful":
        raise ValueError("the responder gave no answer")
    if not response.basic_ocsp_response["tbs_response_data"]["responses"].native:
        raise ValueError("the answer is empty")
    return response


def readable(certificates: Iterable[bytes]) -> Iterator[asn1_x509.Certificate]:
    """The certificates that can be read."""
    return _readable(certificates, certificate)


def _readable(values: Iterable[bytes], read: Callable[[bytes], T]) -> Iterator[T]:
    for der in values:
        try:
            yield read(der)
        except Exception:  # noqa: BLE001, S112 - an odd one is no reason to do without the others
            continue


def _all(names: tuple[str, ...], what: str, labels: frozenset[str], read: Callable[[bytes], T]) -> tuple[T, ...]:
    values: list[T] = []
    for name in names:
        for path in _files(name):
            values.extend(_values(path, what, labels, read, alone=path == Path(name).expanduser()))
    return tuple(values)


def _files(name: str) -> Iterator[Path]:
    """The file, or the files right in the folder; links that OpenSSL's c_rehash made there lead to them again."""
    place = Path(name).expanduser()
    if not place.is_dir():
        yield place
        return
    try:
        entries = sorted(entry for entry in place.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise TrustError(f"the folder {name} cannot be read: {error.strerror}", hint="check its permissions") from None
    if len(entries) > _MOST_FILES:
        raise TrustError(f"the folder {name} holds more than {_MOST_FILES} files", hint="check the path")
    yield from {os.path.realpath(entry): entry for entry in entries}.values()


def _values(path: Path, what: str, labels: frozenset[str], read: Callable[[bytes], T], *, alone: bool) -> Iterator[T]:
    """The values of a file; of a folder's files, those that hold none are passed over."""
    data = contents(path, MOST_BYTES, error=TrustError)
    try:
        blocks = _encoded(data, labels) if labels else _certificates(data, alone=alone)
    except NoCertificates as error:
        if alone:
            raise none_there(error, os.fspath(path), TrustError) from None
        return
    if not blocks and alone:
        raise TrustError(f"{os.fspath(path)!r} holds no {what}", hint="name a file in PEM or DER")
    for der in blocks:
        try:
            yield read(der)
        except Exception:  # noqa: BLE001 - readers of ASN.1 fail in many ways
            if alone or not data.startswith(b"\x30"):
                message = f"a {what} in {os.fspath(path)!r} cannot be read"
                raise TrustError(message, hint="get the file again from its issuer") from None


def _certificates(data: bytes, *, alone: bool) -> tuple[bytes, ...]:
    # how long it takes to find out that a PKCS #12 file wants a passphrase, is in the file
    return () if is_pkcs12(data) and not alone else encoded_certificates(data)


def _encoded(data: bytes, labels: frozenset[str]) -> tuple[bytes, ...]:
    if data.startswith(b"\x30"):
        return (data,)
    return tuple(_der(block) for block in pem_blocks(ascii_text(data)) if block.label in labels)


def _der(block: PemBlock) -> bytes:
    try:
        return block.der
    except ValueError:
        return b""
