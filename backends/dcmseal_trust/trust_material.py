"""Loads certificates, CRLs and OCSP responses from files and folders, in PEM or DER."""

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
    """Yield the DER of the operating system's trust anchors, from OpenSSL's default paths or the Windows store."""
    context = ssl.create_default_context()
    yield from context.get_ca_certs(binary_form=True)


T = TypeVar("T")

MAX_MATERIAL_BYTES: Final = 64 << 20
"""Maximum size of a file; enough for a CRL with a million entries."""
_MAX_FILES: Final = 10_000
_CERTIFICATE: Final = frozenset[str]()
"""No PEM labels: certificates are extracted from all formats that may contain them."""
_CRL: Final = frozenset({"X509 CRL"})
_OCSP: Final = frozenset({"OCSP RESPONSE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedMaterial:
    """Trust anchors, and the material to evaluate certificates with."""

    anchors: tuple[X509Certificate, ...]
    intermediates: tuple[X509Certificate, ...] = ()
    crls: tuple[Crl, ...] = ()
    ocsp_responses: tuple[OcspResponse, ...] = ()
    unverified: tuple[X509Certificate, ...] = ()
    """Certificates that no other certificate signed: they are not part of paths, but show where one ends."""
    refused: tuple[str, ...] = ()
    """Messages about objects in files that must not be used."""


def load_material(settings: TrustSettings) -> LoadedMaterial:
    """Load all files that the settings name, and the material in memory.

    Raises:
        TrustError: A file cannot be read, or there is no trust anchor.
    """
    given = settings.material
    refused: list[str] = []
    anchors = (
        *_load_all(settings.anchors, "certificate", _CERTIFICATE, parse_certificate, refused),
        *iter_usable(given.anchors),
    )
    if settings.system_anchors:
        anchors += tuple(iter_usable(iter_system_certificates()))
    if not (anchors or refused):
        raise TrustError("the operating system has no trust anchors", hint="configure a file with trust anchors")
    named = _load_all(settings.intermediates, "certificate", _CERTIFICATE, parse_certificate, refused)
    verified, unverified = split_by_known_issuer(tuple(iter_usable(given.certificates)), (*anchors, *named))
    return LoadedMaterial(
        anchors=anchors,
        intermediates=(*named, *verified),
        unverified=unverified,
        crls=(*_load_all(settings.crls, "CRL", _CRL, parse_crl, refused), *_iter_parsable(given.crls, parse_crl)),
        ocsp_responses=(
            *_load_all(settings.ocsp_responses, "OCSP response", _OCSP, parse_ocsp_response, refused),
            *_iter_parsable(given.ocsp_responses, parse_ocsp_response),
        ),
        refused=tuple(refused),
    )


def _iter_parsable(values: Iterable[bytes], parse: Callable[[bytes], T]) -> Iterator[T]:
    for der in values:
        try:
            yield parse(der)
        except Exception:  # noqa: BLE001, S112 - a malformed value must not prevent the use of the others
            continue


def _load_all(
    names: tuple[str, ...], kind: str, labels: frozenset[str], parse: Callable[[bytes], T], refused: list[str]
) -> tuple[T, ...]:
    """Parse all values in files; messages about those that must not be used are added to ``refused``."""
    values: list[T] = []
    for name in names:
        for path in _iter_files(name):
            values.extend(_iter_values(path, kind, labels, parse, refused, alone=path == Path(name).expanduser()))
    return tuple(values)


def _iter_files(name: str) -> Iterator[Path]:
    """Yield the file, or the files directly in the folder, without links of OpenSSL's c_rehash to the same files."""
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
    path: Path, kind: str, labels: frozenset[str], parse: Callable[[bytes], T], refused: list[str], *, alone: bool
) -> Iterator[T]:
    """Parse all values in a file.

    Args:
        path: The file.
        kind: The kind of its values, for messages.
        labels: The PEM labels of the values.
        parse: Parses one value.
        refused: Receives messages about values that must not be used.
        alone: Whether the file itself is named; false for files of a folder, which need not contain values.
    """
    data = load_file(path, MAX_MATERIAL_BYTES, error=TrustError)
    try:
        blocks = _extract_ders(data, labels) if labels else _extract_certificates(data, alone=alone)
    except NoCertificates as error:
        if alone:
            raise no_certificates_error(error, os.fspath(path), TrustError) from None
        return
    if not blocks and alone:
        raise TrustError(f"{os.fspath(path)!r} contains no {kind}", hint="use a file in PEM or DER")
    for der in blocks:
        try:
            yield parse(der)
        except RefusedObject as error:
            # one unusable value must not prevent the use of the others
            refused.append(f"a {kind} in {os.fspath(path)!r} is not used: {error}")
        except Exception:  # noqa: BLE001 - ASN.1 parsers raise many exceptions
            if alone or not data.startswith(b"\x30"):
                message = f"a {kind} in {os.fspath(path)!r} cannot be read"
                raise TrustError(message, hint="get the file again from its issuer") from None


def _extract_certificates(data: bytes, *, alone: bool) -> tuple[bytes, ...]:
    # a PKCS #12 file itself sets the cost of trying a passphrase, so skip those that only happen to be in the folder
    return () if is_pkcs12(data) and not alone else extract_certificate_ders(data)


def _extract_ders(data: bytes, labels: frozenset[str]) -> tuple[bytes, ...]:
    if data.startswith(b"\x30"):
        return (data,)
    return tuple(block.der_or_empty for block in iter_pem_blocks(to_ascii(data)) if block.label in labels)
