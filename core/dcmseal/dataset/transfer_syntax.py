"""Transfer syntaxes: how the Data Elements of a Data Set are encoded (PS3.5 section 10 and Annex A)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from struct import Struct
from typing import Final

from dcmseal.dataset.syntax_registry import DEFLATED, IMPLICIT, NOT_ENCAPSULATED, REGISTERED, syntax_name

UNDEFINED_LENGTH: Final = 0xFFFFFFFF

EXPLICIT_LITTLE_UID: Final = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE_UID: Final = "1.2.840.10008.1.2"
EXPLICIT_BIG_UID: Final = "1.2.840.10008.1.2.2"
ENCAPSULATED_UNCOMPRESSED_UID: Final = "1.2.840.10008.1.2.1.98"


class Encoding(Enum):
    """Byte order and VR encoding of Data Elements."""

    EXPLICIT_LITTLE = "explicit VR little endian"
    IMPLICIT_LITTLE = "implicit VR little endian"
    EXPLICIT_BIG = "explicit VR big endian"

    @property
    def is_implicit(self) -> bool:
        return self is Encoding.IMPLICIT_LITTLE

    @property
    def is_big_endian(self) -> bool:
        return self is Encoding.EXPLICIT_BIG

    @cached_property
    def key(self) -> str:
        """What tables of encodings go by: an attribute is faster than ``value``, and than the hash of a member."""
        return self.name

    @cached_property
    def tag(self) -> Struct:
        """Group and element number."""
        return Struct(">HH" if self.is_big_endian else "<HH")

    @cached_property
    def u16(self) -> Struct:
        return Struct(">H" if self.is_big_endian else "<H")

    @cached_property
    def u32(self) -> Struct:
        return Struct(">I" if self.is_big_endian else "<I")

    @cached_property
    def item_header(self) -> Struct:
        """Group, element number and 32-bit length, as of items, delimiters and implicit VR elements."""
        return Struct(">HHI" if self.is_big_endian else "<HHI")


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """A transfer syntax by its UID."""

    uid: str

    @property
    def name(self) -> str:
        """The name of PS3.6 Table A-1, or what a private one is known as; the UID if it is not known."""
        return syntax_name(self.uid)

    @property
    def encoding(self) -> Encoding:
        """Explicit VR little endian for all that are not said to be otherwise (PS3.5 A.4); so are unknown ones."""
        if self.uid in IMPLICIT:
            return Encoding.IMPLICIT_LITTLE
        if self.uid == EXPLICIT_BIG_UID:
            return Encoding.EXPLICIT_BIG
        return Encoding.EXPLICIT_LITTLE

    @property
    def is_deflated(self) -> bool:
        """Whether the Data Set is one RFC 1951 deflated stream (PS3.5 A.5)."""
        return self.uid in DEFLATED

    @property
    def is_encapsulated(self) -> bool:
        """Whether Pixel Data comes in fragments (PS3.5 A.4)."""
        return self.uid not in NOT_ENCAPSULATED

    @property
    def is_known(self) -> bool:
        """Whether PS3.6 Table A-1 has the UID."""
        return self.uid in REGISTERED

    @property
    def is_allowed_for_mac(self) -> bool:
        """MAC Calculation Transfer Syntax UID takes only explicit VR little endian syntaxes (PS3.3 Table C.12-6)."""
        return bool(self.uid) and self.encoding is Encoding.EXPLICIT_LITTLE
