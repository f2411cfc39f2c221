"""Excess padding of a level's own elements is found wherever they stand in what is read at once."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, cast

import pytest

from dcmseal import tags
from dcmseal.dataset.padding import has_excess_padding
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import WINDOW_SIZE, BytesSource, FileSource, Source
from dcmseal.dataset.transfer_syntax import Encoding
from tests.support import builder as b
from tests.support import tags as t

if TYPE_CHECKING:
    from io import RawIOBase


def is_padded(source: Source) -> bool:
    return has_excess_padding(LevelScanner(source, 0, source.size, Encoding.EXPLICIT_LITTLE).finish())


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (b.Value(tags.SOP_INSTANCE_UID, "UI", b"1.2.3\0"), False),
        (b.Value(tags.SOP_INSTANCE_UID, "UI", b"1.2.34\0\0"), True),
        (b.Value(tags.SOP_INSTANCE_UID, "UI", b"1.2.3 "), True),
        (b.Value(t.PATIENT_NAME, "PN", b"Roe "), False),
        (b.Value(t.PATIENT_NAME, "PN", b""), False),
        (b.Value(t.PATIENT_NAME, "PN", b"Rich  "), True),
        (b.Value(t.PATIENT_NAME, "PN", b"Roe\0"), True),
        (b.Value(t.PATIENT_NAME, "PN", b"Rich\0 "), True),
        (b.Value(t.PATIENT_NAME, "PN", b"Roe"), True),
        (b.Value(t.TEXT_VALUE, "UT", b"text"), False),
        (b.Value(t.TEXT_VALUE, "UT", b"text  "), True),
        (b.Value(t.TEXT_VALUE, "OB", b"   \0"), False),
        (b.Value(t.TEXT_VALUE, "OB", b"abc"), True),
    ],
)
def test_wherever_it_stands(node: b.Value, expected: bool) -> None:
    assert is_padded(BytesSource(b.encode((node,)))) is expected
    for room in range(-4, 24, 2):
        filler = b.Value(tags.LENGTH_TO_END, "UN", bytes(WINDOW_SIZE - 12 - room))
        data = b.encode((filler, node, b.Value(0x00420010, "ST", b"behind")))
        assert is_padded(FileSource(cast("RawIOBase", BytesIO(data)), len(data))) is expected
