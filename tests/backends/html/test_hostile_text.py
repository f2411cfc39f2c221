"""Text from files and certificates stays text, and control characters are visible."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal import tags
from dcmseal.api.report_files import build_reported_file, build_unverified_file, make_report_context
from dcmseal.errors import UsageError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.report import SignerTrust, TimeBasis
from dcmseal.model.signature import PurposeCode
from dcmseal.plugins.report_writer import CertificateFacts, ReportedFile
from dcmseal_html.html_writer import HtmlWriter
from tests.backends.html.conftest import Open
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki

NOW = dt.datetime(2026, 3, 5, tzinfo=dt.UTC)
HOSTILE = (
    "<script>document.title='pwned'</script>",
    '"><img src=x onerror="document.title=\'pwned\'">',
    "' autofocus onfocus='document.title=1' x='",
    "</style><script>document.title='pwned'</script>",
    "{{ 7 * 7 }}{% raw %}<!--",
    "gpj.\u202etxt\u2066\u200f\ufeff",
    "nul\0 and \x1b[2J and \x85 and \ud800",
)


def rendered(*files: ReportedFile, settings: tuple[tuple[str, str], ...] = ()) -> str:
    return b"".join(HtmlWriter().write(files, make_report_context(NOW, settings))).decode("utf-8")


def hostile_file(pki: Pki, text_: str) -> ReportedFile:
    """A report in which every text is this one."""
    value = text_.encode("utf-8", "replace")[:60_000]
    nodes = b.image(
        b.Value(t.PATIENT_COMMENTS, "LT", value),
        b.Value(t.MODALITY, "CS", value),
        b.text(tags.SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192"),
    )
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    data = dcmseal.sign(b.file(nodes), key=key).data
    assert data is not None
    file = build_reported_file(text_, dcmseal.verify(data), data, show_values=True)
    report = file.report
    assert report is not None
    finding = Finding(aspect=Aspect.TRUST, outcome=Outcome.FAILED, code=text_, message=text_, where=text_, clause=text_)
    one = report.signatures[0]
    signature = replace(
        one.signature, uid=text_, datetime=text_, purpose=PurposeCode(value=text_, scheme=text_, meaning=text_)
    )
    trust = SignerTrust(moment=NOW, basis=TimeBasis.CLAIMED, chain=(b"a", signature.certificate))
    one = replace(one, signature=signature, findings=(*one.findings, finding), profiles=(text_,), trust=trust)
    facts = CertificateFacts(subject=text_, issuer=text_, serial_number=text_, key=text_, sha256=text_)
    return replace(
        file,
        report=replace(report, signatures=(one,), notes=(finding,), unmet=(finding,), references=(finding,)),
        certificates={b"a": facts, signature.certificate: facts},
    )


@pytest.mark.parametrize("text_", HOSTILE, ids=range(len(HOSTILE)))
def test_it_cannot_become_markup_or_hide(pki: Pki, opening: Open, tmp_path: Path, text_: str) -> None:
    page = rendered(
        hostile_file(pki, text_),
        build_unverified_file(text_, UsageError(text_, hint=text_)),
        settings=((text_, text_),),
    )
    assert "<script" not in page
    assert "<img" not in page
    assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", page)
    path = tmp_path / "page.html"
    path.write_text(page, "utf-8")
    with opening(path, bypass_csp=True) as window:
        window.show_all()
        assert window.page.title().endswith("digital signatures")
        assert window.said == []
        assert window.page.locator("[onerror], [onfocus], [autofocus], script, img").count() == 0
        visible = text_.encode("unicode_escape", "surrogatepass").decode("ascii") if not text_.isprintable() else text_
        assert window.page.locator("h4", has_text=visible).count() == 1


def test_long_texts_are_cut(pki: Pki) -> None:
    page = rendered(hostile_file(pki, "x" * 100_000))
    assert "x" * 1_999 in page
    assert "x" * 2_001 not in page
    assert "more characters" in page


def test_a_signature_that_does_not_hold_is_not_hidden_behind_many_that_do(pki: Pki) -> None:
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    data = dcmseal.sign(b.file(b.image()), key=key).data
    assert data is not None
    report = dcmseal.verify(data, integrity_only=True)
    good = report.signatures[0]
    failed = Finding(aspect=Aspect.INTEGRITY, outcome=Outcome.FAILED, code="the-one-that-fails", message="")
    bad = replace(good, findings=(*good.findings, failed))
    file = build_reported_file("many", report, data)
    page = rendered(replace(file, report=replace(report, signatures=(*[good] * 3000, bad))))
    assert "1,001 more signatures" in page
    assert "the-one-that-fails" in page
    assert len(page) < 3_000_000


def test_a_page_is_reproducible(pki: Pki) -> None:
    file = hostile_file(pki, "plain")
    assert rendered(file) == rendered(file)


def test_deep_nesting_is_shown_or_reported_as_omitted(opening: Open, tmp_path: Path) -> None:
    node: b.Node = b.us(tags.ROWS, 1)
    for _ in range(100):
        node = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((node,)),))
    data = b.file((node,))
    path = tmp_path / "page.html"
    path.write_text(rendered(build_reported_file("deep", dcmseal.verify(data), data)), "utf-8")
    with opening(path) as window:
        window.show_all()
        assert window.page.locator(".row").count() == 41
        assert window.page.locator(".warning").inner_text().endswith("too large or too deep.")
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
