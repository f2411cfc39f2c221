"""Headers of Data Elements: read the same whether they are met for the first time or not."""

from __future__ import annotations

from dcmseal import tags
from dcmseal.dataset.header import read_header
from dcmseal.dataset.transfer_syntax import Encoding


def test_a_header_that_is_cut_is_none_however_often_it_is_met() -> None:
    whole = b"\xe0\x7f\x10\x00OW\0\0\x10\0\0\0"
    for _ in range(2):
        assert read_header(whole[:8], 0, Encoding.EXPLICIT_LITTLE) is None
        assert read_header(whole[:11], 0, Encoding.EXPLICIT_LITTLE) is None
        assert read_header(whole, 0, Encoding.EXPLICIT_LITTLE) == (tags.PIXEL_DATA, b"OW", 12, 16)
        assert read_header(whole + whole, 12, Encoding.EXPLICIT_LITTLE) == (tags.PIXEL_DATA, b"OW", 12, 16)
        assert read_header(b"", 0, Encoding.EXPLICIT_LITTLE) is None
