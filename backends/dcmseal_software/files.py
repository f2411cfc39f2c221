"""Files of keys and certificates: read with a limit, and taken apart if they are PEM (RFC 7468)."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from dcmseal.errors import KeyNotFound

_MOST_BYTES: Final = 1 << 20
_BEGIN: Final = b"-----BEGIN "
_DASHES: Final = b"-----"


def contents(path: str) -> bytes:
    """All bytes of a file of at most 1 MiB; raises KeyNotFound if it cannot be read."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise KeyNotFound(
            f"there is no file {path!r}", hint="check the path: it is relative to the current folder"
        ) from None
    except IsADirectoryError:
        raise KeyNotFound(f"{path!r} is a folder", hint="name a file in it") from None
    except PermissionError:
        raise KeyNotFound(f"{path!r} may not be read", hint="ask its owner for permission, or run as them") from None
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else "no path of this system"
        raise KeyNotFound(f"{path!r} cannot be read: {cause}", hint="check the path") from None
    if len(data) > _MOST_BYTES:
        raise KeyNotFound(f"{path!r} is larger than 1 MiB: no key or certificate", hint="check the path")
    return data


class PemBlock(NamedTuple):
    """One encapsulated text: its label, as in ``BEGIN label``, and all of its lines."""

    label: str
    text: bytes


def pem_blocks(data: bytes) -> Iterator[PemBlock]:
    """The blocks of a PEM file; text around them, and a block without end, is passed over."""
    label, lines = b"", list[bytes]()
    for line in data.removeprefix(codecs.BOM_UTF8).splitlines():
        stripped = line.strip()
        if stripped.startswith(_BEGIN) and stripped.endswith(_DASHES):
            label, lines = stripped[len(_BEGIN) : -len(_DASHES)], []
        if label:
            lines.append(stripped)
            if stripped == b"-----END " + label + _DASHES:
                yield PemBlock(label.decode("ascii", "replace"), b"\n".join((*lines, b"")))
                label = b""
