"""Transfer syntaxes: how the Data Elements of a Data Set are encoded (PS3.5 section 10 and Annex A)."""

from __future__ import annotations

import struct
from enum import Enum
from functools import cached_property
from typing import Final

from msgspec import Struct

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
        """A key for dictionaries: faster than the member itself, and than ``value``."""
        return self.name

    @cached_property
    def walker_code(self) -> int:
        """The number of the encoding in ``dcmseal.walker``."""
        return list(Encoding).index(self)

    @cached_property
    def tag(self) -> struct.Struct:
        """Group and element number."""
        return struct.Struct(">HH" if self.is_big_endian else "<HH")

    @cached_property
    def u16(self) -> struct.Struct:
        return struct.Struct(">H" if self.is_big_endian else "<H")

    @cached_property
    def u32(self) -> struct.Struct:
        return struct.Struct(">I" if self.is_big_endian else "<I")

    @cached_property
    def item_header(self) -> struct.Struct:
        """Group, element number and 32-bit length: of items, delimiters and implicit VR elements."""
        return struct.Struct(">HHI" if self.is_big_endian else "<HHI")


class TransferSyntax(Struct, frozen=True):
    """A transfer syntax by its UID."""

    uid: str

    @property
    def name(self) -> str:
        """The name in PS3.6 Table A-1, or that of a common private one; the UID if it is not known."""
        return syntax_name(self.uid)

    @property
    def encoding(self) -> Encoding:
        """The encoding; explicit VR little endian unless known to be another one (PS3.5 A.4)."""
        if self.uid in IMPLICIT:
            return Encoding.IMPLICIT_LITTLE
        if self.uid == EXPLICIT_BIG_UID:
            return Encoding.EXPLICIT_BIG
        return Encoding.EXPLICIT_LITTLE

    @property
    def is_deflated(self) -> bool:
        """Whether the Data Set is an RFC 1951 deflate stream (PS3.5 A.5)."""
        return self.uid in DEFLATED

    @property
    def is_encapsulated(self) -> bool:
        """Whether Pixel Data is in fragments (PS3.5 A.4)."""
        return self.uid not in NOT_ENCAPSULATED

    @property
    def is_known(self) -> bool:
        """Whether PS3.6 Table A-1 lists the UID."""
        return self.uid in REGISTERED

    @property
    def is_allowed_for_mac(self) -> bool:
        """Whether MAC Calculation Transfer Syntax UID allows it: explicit VR little endian (PS3.3 Table C.12-6)."""
        return bool(self.uid) and self.encoding is Encoding.EXPLICIT_LITTLE
