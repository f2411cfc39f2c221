"""Signatures, elements and moments in words, the same in every command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dcmseal.cli.text import printable
from dcmseal.dictionary import keyword_of, name_of
from dcmseal.errors import CertificateNotValid
from dcmseal.tags import tag_text

if TYPE_CHECKING:
    from dcmseal.engine.advice import Advice
    from dcmseal.model import CertifiedTime, DigitalSignature, PurposeCode


def element(tag: int) -> str:
    """An element by keyword if it has one, else by tag."""
    return keyword_of(tag) or tag_text(tag)


def tagged(tag: int) -> str:
    """An element by tag and name."""
    return f"{tag_text(tag)} {name_of(tag) or '(unknown)'}"


def elements(tags: Iterable[int]) -> list[str]:
    """Elements by keyword or tag."""
    return [element(tag) for tag in tags]


def with_reasons(reasons: Iterable[tuple[int, str]]) -> list[str]:
    """Elements, and why they are not signed."""
    return [f"{element(tag)} ({printable(why)})" for tag, why in reasons]


def path(tags: Sequence[int]) -> str:
    """An element by its path of tags."""
    return ".".join(elements(tags))


def signer(signature: DigitalSignature) -> str:
    """The subject of the signer's certificate, or why it cannot be named."""
    return _subject(signature.certificate)


def chain(certificates: Iterable[bytes]) -> str:
    """The subjects of certificates, the signer's first, the anchor last."""
    return " <- ".join(map(_subject, certificates))


def _subject(certificate: bytes) -> str:
    from dcmseal.engine.certificate import read_certificate

    try:
        return printable(read_certificate(certificate).subject)
    except CertificateNotValid as error:
        return f"(unknown: {printable(str(error))})"


def moment(signature: DigitalSignature, *, exact: bool = False) -> str:
    """The time of signing that the signature claims, to the second unless it is to be exact."""
    read = signature.moment
    if read is not None:
        return read.isoformat(" ", "auto" if exact else "seconds")
    return f"{printable(signature.datetime, 64)} (not a complete date and time)" if signature.datetime else "(none)"


def certified(time: CertifiedTime | None) -> str:
    """A certified time, and by whom; what stands there instead if none could be verified."""
    from dcmseal.engine.certificate import read_certificate

    if time is None:
        return "not verified"
    try:
        authority = read_certificate(time.authority).subject
    except CertificateNotValid:
        authority = "(an authority without readable name)"
    return f"{time.moment.isoformat(' ', 'seconds')} by {printable(authority)}"


def algorithm(signature: DigitalSignature) -> str:
    """The MAC algorithm, as it stands."""
    return printable(signature.mac.algorithm, 64) if signature.mac and signature.mac.algorithm else "(unknown)"


def purpose(code: PurposeCode | None) -> str:
    """A purpose code; empty if there is none."""
    if code is None:
        return ""
    return f"{printable(code.meaning, 64)} ({printable(code.value, 64)}, {printable(code.scheme, 64)})"


def warning(signing_warning: Advice) -> str:
    """A warning, and the first few elements it is about."""
    names = elements(signing_warning.elements[:6])
    more = len(signing_warning.elements) - len(names)
    about = f" [{', '.join(names)}{f' and {more} more' if more else ''}]" if names else ""
    return f"{signing_warning.message}{about}"
