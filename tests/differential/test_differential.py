"""What is valid is what everybody shows: signed files, changed, as pydicom, DCMTK and GDCM read them.

The long run is ``python -m tests.differential``, with dicomParser and dcmjs besides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from dcmseal import tags
from tests.differential import read_image
from tests.differential.file_layout import LayoutEdit
from tests.differential.mutants import Mutant, iter_mutants, make_mutant
from tests.differential.oracle import READERS, Accepted, Oracle, difference, verify_mutant
from tests.differential.signed_bases import NAMES, PIXELS, Base, make_bases
from tests.support import tags as t
from tests.support.pki import Pki

COUNT = 4000
FIRST = 1
TEXTUAL = ("pydicom", "DCMTK", "GDCM")


@pytest.fixture(scope="module")
def made(pki: Pki) -> dict[str, Base]:
    return make_bases(pki["rsa2048"])


@pytest.fixture(scope="module")
def oracle(made: dict[str, Base], tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return Oracle(made, tmp_path_factory.mktemp("differential"))


def test_mutants_that_are_valid_are_shown_as_they_were_signed(made: dict[str, Base], oracle: Oracle) -> None:
    wrong = list(oracle.evaluate(islice(iter_mutants(made, FIRST), COUNT)))
    assert not wrong, "\n".join(map(str, wrong))
    # a verifier that refuses all of them would pass, too
    assert oracle.accepted > COUNT // 20


@pytest.mark.parametrize("name", NAMES)
def test_all_read_the_files_that_were_signed(name: str, made: dict[str, Base], oracle: Oracle) -> None:
    accepted = verify_mutant(made[name].data)
    assert accepted is not None
    shown = [oracle.views(reader)[name] for reader in TEXTUAL]
    covered = [
        {path for path in view if "#" not in path and any(path.startswith(start) for start in accepted.protected)}
        for view in shown
    ]
    assert covered[0]
    assert all(each == covered[0] for each in covered)


def changed(base: Base, tag: int, value: bytes) -> bytes:
    """A signed file with another value of the same length."""
    part = next(part for part in base.layout.parts if part.tag == tag and not part.around)
    return base.layout.apply_edits([LayoutEdit(part.value, part.end, value)])


@pytest.mark.parametrize("reader", TEXTUAL)
@pytest.mark.parametrize("name", ["explicit", "implicit", "big endian", "deflated", "part"])
def test_another_value_is_seen(name: str, reader: str, made: dict[str, Base], oracle: Oracle, tmp_path: Path) -> None:
    """The oracle itself: were such a file taken for valid, it would say so."""
    signed = verify_mutant(made[name].data)
    assert signed is not None
    path = tmp_path / "changed.dcm"
    path.write_bytes(changed(made[name], t.PATIENT_NAME, b"Doe^Jack"))
    (shown,) = READERS[reader]([path])
    assert shown is not None
    assert "00100010" in difference(oracle.views(reader)[name], shown, signed)


@pytest.mark.parametrize("name", ["explicit", "implicit", "big endian", "deflated", "part"])
def test_other_pixels_are_seen(name: str, made: dict[str, Base], oracle: Oracle, tmp_path: Path) -> None:
    signed = verify_mutant(made[name].data)
    assert signed is not None
    path = tmp_path / "changed.dcm"
    path.write_bytes(changed(made[name], tags.PIXEL_DATA, bytes(reversed(PIXELS))))
    (shown,) = read_image.views([path])
    assert shown is not None
    accepted = Accepted(signed.protected, frozenset())
    assert difference(oracle.views("DCMTK's pixels")[name], shown, accepted)


def test_missing_readers_are_noticed() -> None:
    accepted = Accepted(frozenset({"00100010"}), frozenset({t.PATIENT_NAME, t.PATIENT_COMMENTS}))
    signed = {"00100010": "aa"}
    assert not difference(signed, {"00100010": "aa", "00104000": "bb"}, accepted)
    assert "not there" in difference(signed, {"00100010": "aa", "00100030": "bb"}, accepted)
    assert "nothing" in difference(signed, {}, accepted)


def test_the_same_seed_makes_the_same_mutants(made: dict[str, Base]) -> None:
    def digests() -> Iterator[str]:
        for seed in range(30):
            one = make_mutant(made["explicit"], str(seed))
            yield f"{one}" + (hashlib.sha256(one.data).hexdigest() if isinstance(one, Mutant) else "")

    assert list(digests()) == list(digests())
