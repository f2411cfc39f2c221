"""Signatures, elements and times as text, the same in every command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dcmseal.cli.render.text_layout import escape_unprintable
from dcmseal.dictionary import tag_keyword, tag_name
from dcmseal.errors import CertificateNotValid
from dcmseal.tags import format_tag

if TYPE_CHECKING:
    from dcmseal.model.signature import CertifiedTime, DigitalSignature, PurposeCode
    from dcmseal.signing.warnings import SigningWarning


def format_element(tag: int) -> str:
    """An element by keyword, or by tag if it has none."""
    return tag_keyword(tag) or format_tag(tag)


def format_tag_and_name(tag: int) -> str:
    """An element by tag and name."""
    return f"{format_tag(tag)} {tag_name(tag) or '(unknown)'}"


def format_elements(tags: Iterable[int]) -> list[str]:
    """Elements by keyword or tag."""
    return [format_element(tag) for tag in tags]


def format_reasons(reasons: Iterable[tuple[int, str]]) -> list[str]:
    """Elements, each with the reason why it is not signed."""
    return [f"{format_element(tag)} ({escape_unprintable(why)})" for tag, why in reasons]


def format_path(tags: Sequence[int]) -> str:
    """An element by its path of tags."""
    return ".".join(format_elements(tags))


def format_signer(signature: DigitalSignature) -> str:
    """The subject of the signer's certificate, or why it is unknown."""
    return _format_subject(signature.certificate)


def format_chain(certificates: Iterable[bytes]) -> str:
    """The subjects of certificates, the signer's first, the anchor last."""
    return " <- ".join(map(_format_subject, certificates))


def _format_subject(certificate: bytes) -> str:
    from dcmseal.macro.signer_certificate import read_certificate

    try:
        return escape_unprintable(read_certificate(certificate).subject)
    except CertificateNotValid as error:
        return f"(unknown: {escape_unprintable(str(error))})"


def format_signing_time(signature: DigitalSignature, *, exact: bool = False) -> str:
    """The claimed time of signing, to the second unless ``exact``."""
    read = signature.moment
    if read is not None:
        return read.isoformat(" ", "auto" if exact else "seconds")
    return f"{escape_unprintable(signature.datetime, 64)} (incomplete)" if signature.datetime else "(none)"


def format_certified_time(time: CertifiedTime | None) -> str:
    """A certified time and its authority, or *not verified*."""
    from dcmseal.macro.signer_certificate import read_certificate

    if time is None:
        return "not verified"
    try:
        authority = read_certificate(time.authority).subject
    except CertificateNotValid:
        authority = "(unreadable certificate)"
    return f"{time.moment.isoformat(' ', 'seconds')} by {escape_unprintable(authority)}"


def format_mac_algorithm(signature: DigitalSignature) -> str:
    """The MAC algorithm, as stored."""
    return escape_unprintable(signature.mac.algorithm, 64) if signature.mac and signature.mac.algorithm else "(unknown)"


def format_transfer_syntax(uid: str, *, with_uid: bool = False) -> str:
    """A transfer syntax by name; by UID if requested or if it has no name."""
    from dcmseal.dataset.syntax_registry import syntax_name

    return _format_named_uid(syntax_name(uid), uid, with_uid=with_uid)


def format_sop_class(uid: str, *, with_uid: bool = False) -> str:
    """A SOP Class by name; by UID if requested or if it has no name."""
    from dcmseal.verification.instance_identity import sop_class_name

    return _format_named_uid(sop_class_name(uid) or uid, uid, with_uid=with_uid)


def _format_named_uid(name: str, uid: str, *, with_uid: bool) -> str:
    return escape_unprintable(f"{name} ({uid})" if with_uid and name != uid else name)


def format_purpose(code: PurposeCode | None) -> str:
    """A purpose code; empty without one."""
    if code is None:
        return ""
    meaning, value, scheme = (escape_unprintable(each, 64) for each in (code.meaning, code.value, code.scheme))
    return f"{meaning} ({value}, {scheme})"


def format_warning(signing_warning: SigningWarning) -> str:
    """A warning, with the first few elements that it concerns."""
    names = format_elements(signing_warning.elements[:6])
    more = len(signing_warning.elements) - len(names)
    about = f" [{', '.join(names)}{f' and {more} more' if more else ''}]" if names else ""
    return f"{signing_warning.message}{about}"
