r"""Read files of keys and certificates with a size limit, and split PEM into blocks (RFC 7468).

>>> [block.label for block in iter_pem_blocks(b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")]
['X509 CRL']
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from io import BufferedReader
from typing import Final, NamedTuple

from dcmseal.errors import KeyNotFound, SealError
from dcmseal.input_files import open_input
from dcmseal.text import detect_bom_encoding

MAX_PEM_BYTES: Final = 1 << 20
"""Maximum size of a file of keys or certificates."""
_LINE: Final = re.compile(rb"[^\r\n]+")
_BEGIN: Final = b"-----BEGIN "
_DASHES: Final = b"-----"
_BLANKS: Final = b" \t\r\n"
_PADDING: Final = b" \t\xef\xbb\xbf"
"""Blanks, and the byte order mark that some editors write."""


def load_file(
    path: str | os.PathLike[str], max_bytes: int = MAX_PEM_BYTES, *, error: type[SealError] = KeyNotFound
) -> bytes:
    """Read a file.

    Args:
        path: The file; ``~`` is expanded.
        max_bytes: Maximum size of the file.
        error: The type of error to raise.

    Raises:
        SealError: The file cannot be read, or is too large.
    """
    name = repr(os.fspath(path))
    try:
        with BufferedReader(open_input(os.path.expanduser(path))) as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as failure:
        why, hint = _explain_failure(failure)
        raise error(f"{name} cannot be read: {why}", hint=hint) from None
    if len(data) > max_bytes:
        raise error(f"{name} is larger than {max_bytes >> 20} MiB", hint="check the path")
    return data


def _explain_failure(failure: OSError | ValueError) -> tuple[str, str]:
    match failure:
        case FileNotFoundError():
            return "the file does not exist", "check the path"
        case IsADirectoryError():
            return "it is a folder", "name a file in it"
        case PermissionError():
            return "permission denied", "ask its owner for permission, or run as them"
        case OSError():
            return failure.strerror or "unknown error", "check the path"
        case _:
            return "the path is invalid", "check the path"


def to_ascii(data: bytes) -> bytes:
    """Convert UTF-16 text, as PowerShell writes it, to ASCII; return other data unchanged."""
    encoding = detect_bom_encoding(data)
    if not encoding:
        return data
    try:
        return data.decode(encoding).encode("ascii")
    except ValueError:
        return data


class PemBlock(NamedTuple):
    """A PEM block: its label, as in ``BEGIN label``, and all of its lines."""

    label: str
    text: bytes

    @property
    def der(self) -> bytes:
        """The encoded data; raises ValueError if it is not base64."""
        body = self.text.partition(b"\n")[2].rpartition(b"-----END ")[0]
        return base64.b64decode(body.translate(None, _BLANKS), validate=True)

    @property
    def der_or_empty(self) -> bytes:
        """The encoded data; empty if it is not base64, so that the DER parser rejects it."""
        try:
            return self.der
        except ValueError:
            return b""


def iter_pem_blocks(data: bytes) -> Iterator[PemBlock]:
    """Iterate over the blocks of a PEM file; other text, and a block without end, is ignored."""
    label, start = b"", 0
    for match in _LINE.finditer(data):
        line = match[0].strip(_PADDING)
        if line.startswith(_BEGIN) and line.endswith(_DASHES):
            label, start = line[len(_BEGIN) : -len(_DASHES)], match.start()
        elif label and line == b"-----END " + label + _DASHES:
            # keep empty lines: one ends the headers of an encrypted key (RFC 1421 4.4)
            lines = (each.strip(_PADDING) for each in data[start : match.end()].splitlines())
            yield PemBlock(label.decode("ascii", "replace"), b"\n".join((*lines, b"")))
            label = b""
