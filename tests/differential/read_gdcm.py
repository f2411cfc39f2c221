"""GDCM's view of files, read in a process of its own: hostile files may crash it."""

from __future__ import annotations

import ctypes
import pickle
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcmseal.dictionary import tag_vr
from tests.differential.reader_views import FragmentsView, ItemsView, Tree, View, flatten

_ROOT = Path(__file__).parents[2]


def views(files: Sequence[Path]) -> list[View | None]:
    """What GDCM shows of each file; None where it refuses, or crashes."""
    results: list[View | None] = []
    while len(results) < len(files):
        left = "\n".join(str(file.absolute()) for file in files[len(results) :])
        done = subprocess.run(
            [sys.executable, "-m", "tests.differential.read_gdcm"],
            input=left.encode(), capture_output=True, check=False, cwd=_ROOT,
        )  # fmt: skip
        at = 0
        while at + 4 <= len(done.stdout):
            (size,) = struct.unpack_from("<I", done.stdout, at)
            results.append(pickle.loads(done.stdout[at + 4 : at + 4 + size]))
            at += 4 + size
        if done.returncode > 0:
            raise RuntimeError(done.stderr.decode())
        if len(results) < len(files):  # it crashed
            results.append(None)
    return results


def view(file: Path) -> View | None:
    """What GDCM shows, in this process."""
    import gdcm

    reader = gdcm.Reader()
    reader.SetFileName(str(file))
    if not reader.Read():
        return None
    return dict(flatten(_tree(gdcm, reader.GetFile().GetDataSet())))


def _tree(gdcm: Any, dataset: Any) -> Tree:
    elements = dataset.GetDES()
    at, end = elements.begin(), elements.end()
    while at != end:
        element = at.value()
        tag = element.GetTag()
        number = tag.GetGroup() << 16 | tag.GetElement()
        fragments = element.GetSequenceOfFragments()
        value = element.GetByteValue()
        if fragments is not None:
            # the Basic Offset Table is not to be had
            pieces = range(fragments.GetNumberOfFragments())
            yield number, FragmentsView(_bytes(fragments.GetFragment(piece).GetByteValue()) for piece in pieces)
        elif _is_sequence(number, element) and (sequence := element.GetValueAsSQ()) is not None:
            count = sequence.GetNumberOfItems()
            yield (
                number,
                ItemsView(tuple(_tree(gdcm, sequence.GetItem(n).GetNestedDataSet())) for n in range(1, count + 1)),
            )
        else:
            yield number, _bytes(value)
        at += 1


def _is_sequence(tag: int, element: Any) -> bool:
    """Whether to read items: in implicit VR, the dictionary identifies sequences of defined length."""
    if element.IsEmpty():
        return False
    return element.GetByteValue() is None or tag_vr(tag) == "SQ"


def _bytes(value: Any) -> bytes:
    # VL has no number but the one that it prints
    length = 0 if value is None else int(str(value.GetLength()))
    return ctypes.string_at(int(value.GetVoidPointer()), length) if length else b""


if __name__ == "__main__":
    import os

    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    gdcm.Trace.DebugOff()
    for name in sys.stdin.read().split("\n"):
        answer = pickle.dumps(view(Path(name)))
        os.write(1, struct.pack("<I", len(answer)) + answer)
