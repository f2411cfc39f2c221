"""Certificates, CRLs and OCSP responses in files and folders, PEM or DER, each read strictly and with a limit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from dcmseal.errors import TrustError
from dcmseal.plugins.certificate_files import none_there
from dcmseal.plugins.certificate_formats import NoCertificates, encoded_certificates, is_pkcs12
from dcmseal.plugins.pem import PemBlock, ascii_text, contents, pem_blocks
from dcmseal.plugins.trust import TrustSettings
from dcmseal_trust.certificates import Certificate, Refused, certificate, readable
from dcmseal_trust.crls import Crl, crl
from dcmseal_trust.leading import leading
from dcmseal_trust.ocsp import Response, ocsp_response
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

    anchors: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...] = ()
    crls: tuple[Crl, ...] = ()
    ocsp_responses: tuple[Response, ...] = ()
    unproven: tuple[Certificate, ...] = ()
    """Certificates that none of the others has signed: no path leads through them, but they tell where one ends."""
    refused: tuple[str, ...] = ()
    """What was named and must not be used, and why."""


def read_material(settings: TrustSettings) -> Material:
    """Read all files that settings name; raises TrustError if one of them cannot be read."""
    given = settings.material
    refused: list[str] = []
    anchors = (*_all(settings.anchors, "certificate", _CERTIFICATE, certificate, refused), *readable(given.anchors))
    if settings.system_anchors:
        anchors += tuple(readable(system_certificates()))
    if not (anchors or refused):
        raise TrustError("there is no trust anchor: the operating system has none", hint="name a file with one")
    named = _all(settings.intermediates, "certificate", _CERTIFICATE, certificate, refused)
    proven, unproven = leading(tuple(readable(given.certificates)), (*anchors, *named))
    return Material(
        anchors=anchors,
        intermediates=(*named, *proven),
        unproven=unproven,
        crls=(*_all(settings.crls, "CRL", _CRL, crl, refused), *_readable(given.crls, crl)),
        ocsp_responses=(
            *_all(settings.ocsp_responses, "OCSP response", _OCSP, ocsp_response, refused),
            *_readable(given.ocsp_responses, ocsp_response),
        ),
        refused=tuple(refused),
    )


def _readable(values: Iterable[bytes], read: Callable[[bytes], T]) -> Iterator[T]:
    for der in values:
        try:
            yield read(der)
        except Exception:  # noqa: BLE001, S112 - an odd one is no reason to do without the others
            continue


def _all(
    names: tuple[str, ...], what: str, labels: frozenset[str], read: Callable[[bytes], T], refused: list[str]
) -> tuple[T, ...]:
    """The values of the files; what can be read and must not be used is told in ``refused``."""
    values: list[T] = []
    for name in names:
        for path in _files(name):
            values.extend(_values(path, what, labels, read, refused, alone=path == Path(name).expanduser()))
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


def _values(
    path: Path, what: str, labels: frozenset[str], read: Callable[[bytes], T], refused: list[str], *, alone: bool
) -> Iterator[T]:
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
        except Refused as error:
            # one that is odd is no reason to do without the others
            refused.append(f"a {what} in {os.fspath(path)!r} is not used: {error}")
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
