"""What is demanded to be covered: elements, and everything, so that nothing was added."""

from __future__ import annotations

from typing import Any

import pytest

from dcmseal.report import Outcome, Verdict
from dcmseal.tags import tag_text
from tests.core.engine.kit import edited, signed
from tests.core.engine.policy_kit import Ask, asking, trust_in, unmet
from tests.support.builder import Item, Sequence, Value, file, image, text
from tests.support.files import real_file
from tests.support.pki import Pki

NAME, ID, ACCESSION, PIXELS = "PatientName", "PatientID", 0x00080050, "PixelData"
FAILED, UNKNOWN = Outcome.FAILED, Outcome.UNKNOWN


@pytest.fixture(scope="module")
def ask(pki: Pki) -> Ask:
    return asking(trust_in(pki))


@pytest.fixture(scope="module")
def plain() -> bytes:
    return file(image())


def test_elements_that_have_to_be_covered(ask: Ask, plain: bytes, pki: Pki) -> None:
    data = signed(plain, pki["rsa2048"], tags=[NAME])
    assert ask(data, covered=[NAME]).verdict is Verdict.VALID
    (missing,) = ask(data, covered=[NAME, ID, PIXELS]).unmet
    assert (missing.code, missing.where) == ("required-not-covered", "(0010,0020) (7FE0,0010)")
    assert unmet(ask(data, f"covers:{NAME},{ID}")) == [("covers-not-met", FAILED)]
    together = signed(data, pki["p256"], tags=[ID, PIXELS])
    assert ask(together, covered=[NAME, ID, PIXELS]).verdict is Verdict.VALID
    assert unmet(ask(together, f"covers:{NAME},{ID}")) == [("covers-not-met", FAILED)]


def test_what_is_not_there_need_not_be_covered_but_what_was_added_must(ask: Ask, plain: bytes, pki: Pki) -> None:
    data = signed(plain, pki["rsa2048"])
    assert ask(data, covered=[ACCESSION, NAME]).verdict is Verdict.VALID
    added = edited(data, main={ACCESSION: text(ACCESSION, "SH", "4711")})
    assert ask(added).verdict is Verdict.VALID
    assert unmet(ask(added, covered=[ACCESSION])) == [("required-not-covered", FAILED)]
    assert unmet(ask(plain, covered=[ACCESSION])) == [("required-not-covered", FAILED)]  # nobody says what is there


def test_no_unsigned_additions(ask: Ask, plain: bytes, pki: Pki) -> None:
    data = signed(plain, pki["rsa2048"])
    assert ask(data, no_unsigned_additions=True).verdict is Verdict.VALID
    added = edited(data, main={ACCESSION: text(ACCESSION, "SH", "4711")})
    (finding,) = ask(added, no_unsigned_additions=True).unmet
    assert (finding.code, finding.outcome, finding.where) == ("unsigned-additions", FAILED, "(0008,0050)")
    again = signed(added, pki["p256"], tags=[ACCESSION])
    assert ask(again, no_unsigned_additions=True).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "node",
    [Value(0x00091001, "UN", b"??"), Sequence(0x00091002, (Item((Value(0x00091001, "UN", b"??"),)),))],
    ids=["UN", "UN in a sequence"],
)
def test_what_cannot_be_signed_may_have_been_added(ask: Ask, plain: bytes, pki: Pki, node: Any) -> None:
    data = edited(signed(plain, pki["rsa2048"]), main={node.tag: node})
    report = ask(data, no_unsigned_additions=True)
    assert (report.verdict, unmet(report)) == (Verdict.NOT_ESTABLISHED, [("unsigned-additions", UNKNOWN)])
    assert unmet(ask(data, covered=[node.tag])) == [("required-not-covered", FAILED)]


@pytest.mark.parametrize("tag", [0x00041130, 0xFFFA0010])
def test_what_is_never_signed_may_have_been_added_where_it_has_no_place(
    ask: Ask, plain: bytes, pki: Pki, tag: int
) -> None:
    data = edited(signed(plain, pki["rsa2048"]), main={tag: text(tag, "LO", "odd")})
    (finding,) = ask(data, no_unsigned_additions=True).unmet
    assert (finding.outcome, finding.where) == (UNKNOWN, tag_text(tag))


def test_pixels_whose_syntax_is_in_question_are_not_established(ask: Ask, pki: Pki) -> None:
    data = signed(real_file("JPEG2000.dcm").data, pki["rsa2048"])
    assert ask(data, covered=[PIXELS]).verdict is Verdict.VALID
    other = data.replace(b"1.2.840.10008.1.2.4.91", b"1.2.840.10008.1.2.4.93", 1)
    assert ask(other).verdict is Verdict.VALID
    assert unmet(ask(other, covered=[PIXELS, NAME])) == [("required-not-covered", UNKNOWN)]
