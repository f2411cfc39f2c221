"""Inspect signatures without keys, trust, network or plugins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from msgspec import Struct

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dictionary import tag_keyword, tag_name
from dcmseal.location import Location
from dcmseal.macro.levels import iter_signed_levels
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.signature import DigitalSignature, PurposeCode
from dcmseal.representation import format_fields


class SignedElement(Struct, frozen=True, kw_only=True):
    """An entry of Data Elements Signed (0400,0020)."""

    tag: int
    keyword: str
    """Empty for private and unknown elements."""
    name: str
    vr: str
    """Empty if the element is absent."""
    present: bool


class Signature(Struct, frozen=True, kw_only=True):
    """A signature in a Data Set, as it is stored."""

    content: DigitalSignature
    elements: tuple[SignedElement, ...]
    """Data Elements Signed, in the order of the list."""

    @property
    def location(self) -> Location:
        """The level of the signature, which it signs."""
        return self.content.location

    @property
    def uid(self) -> str:
        """Digital Signature UID (0400,0100)."""
        return self.content.uid

    @property
    def datetime(self) -> str:
        """Digital Signature DateTime (0400,0105) as text."""
        return self.content.datetime

    @property
    def moment(self) -> dt.datetime | None:
        """Digital Signature DateTime; None if it is not a complete DT value with offset."""
        return self.content.moment

    @property
    def mac_algorithm(self) -> str:
        """MAC Algorithm (0400,0015) as text; empty without MAC parameters."""
        return self.content.mac.algorithm if self.content.mac else ""

    @property
    def mac_transfer_syntax(self) -> str:
        """MAC Calculation Transfer Syntax UID (0400,0010); empty without MAC parameters."""
        return self.content.mac.transfer_syntax if self.content.mac else ""

    @property
    def purpose(self) -> PurposeCode | None:
        """Digital Signature Purpose Code (0400,0401)."""
        return self.content.purpose

    @property
    def certificate(self) -> Certificate:
        """Certificate of Signer (0400,0115); raises CertificateNotValid if it cannot be parsed."""
        return read_certificate(self.content.certificate)

    def __repr__(self) -> str:
        return format_fields(self, hidden=("elements",))


def iter_signatures(file: DicomFile) -> Iterator[Signature]:
    """Iterate over the signatures at all levels of a Data Set, in the order of their encoding."""
    for signed in iter_signed_levels(file):
        scan = signed.scan
        where = {tag: index for index, tag in enumerate(scan.tags)}
        # many signatures may share one list
        lists: dict[tuple[int, ...], tuple[SignedElement, ...]] = {}
        for found in signed.level_signatures.signatures:
            listed = found.signature.mac.elements if found.signature.mac else ()
            if listed not in lists:
                lists[listed] = tuple(_make_signed_element(tag, scan, where.get(tag)) for tag in listed)
            yield Signature(content=found.signature, elements=lists[listed])


def _make_signed_element(tag: int, scan: LevelScanner, index: int | None) -> SignedElement:
    return SignedElement(
        tag=tag,
        keyword=tag_keyword(tag) or "",
        name=tag_name(tag) or "",
        vr="" if index is None else scan.header(index).vr.decode("ascii", "replace"),
        present=index is not None,
    )
