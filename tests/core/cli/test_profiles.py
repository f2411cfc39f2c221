"""``dcmseal profiles``, and profiles named to ``sign`` and ``verify``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.cli.conftest import Run
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.sample_objects import KINDS, report

NAMES = ["authorization-rsa", "base-rsa", "basic-sr-signatures", "creator-rsa", "none", "structured-report-rsa"]


@pytest.fixture
def rsa(pki: Pki) -> str:
    return f"pem:{pki['rsa2048'].key_pem}?cert={pki['rsa2048'].certificate_pem}"


def written(folder: Path, data: bytes, name: str = "in.dcm") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_lists_names_titles_and_clauses(run: Run) -> None:
    assert [row.split()[0] for row in run("profiles").out.splitlines()[1:]] == NAMES
    profiles = run("profiles", "--json").document["profiles"]
    assert [each["name"] for each in profiles] == NAMES
    assert {each["reference"] for each in profiles} >= {"PS3.15 C.1", "PS3.15 C.2", "PS3.15 C.3", "PS3.15 C.4"}


@pytest.mark.parametrize("name", NAMES)
def test_shows_rules_and_the_edition_of_their_tables(run: Run, name: str) -> None:
    shown, rules = run("profiles", "show", name).out, run("profiles", "show", name, "--json").document
    assert rules["profile"]["title"] in shown
    assert rules["clause"] in shown
    has_tables = name not in ("none", "base-rsa")
    assert ("PS3.3 2024c" in shown) is has_tables
    assert (rules["edition"], rules["earlier_edition"]) == (("PS3.3 2024c", "PS3.3 2020a") if has_tables else ("", ""))
    assert bool(rules["elements"]) is has_tables
    if has_tables:
        assert "General Equipment" in shown or name == "authorization-rsa"
        assert any(each["later_edition"] for each in rules["elements"])


def test_shows_repeating_groups_once(run: Run) -> None:
    shown = run("profiles", "show", "creator-rsa").out
    assert shown.count("(60xx,3000) Overlay Data") == 1
    assert "(6002,3000)" not in shown
    tags = {each["tag"] for each in run("profiles", "show", "creator-rsa", "--json").document["elements"]}
    assert {"60003000", "601E3000", "501E0020"} <= tags


def test_explains_the_elements_that_would_be_signed(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, b.file(b.image(b.Value(0x00091001, "UN", b"??"))))
    rows = {line[:11]: line for line in run("profiles", "explain", "creator-rsa", path).out.splitlines()}
    assert "required" in rows["(7FE0,0010)"]
    assert "Image Pixel Module" in rows["(7FE0,0010)"]
    assert rows["(0010,0010)"].split()[-1] == "yes"
    assert rows["(0009,1001)"].endswith("its VR is UN")
    document = run("profiles", "explain", "creator-rsa", path, "--json").document
    by_tag = {each["tag"]: each for each in document["elements"]}
    assert by_tag["0020000D"]["reason"] == "list of PS3.15 C.2"
    assert not by_tag["00091001"]["signed"]
    assert document["problems"] == []


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("structured-report-rsa", b.file(KINDS["CT"]), "profile-not-applicable"),
        ("structured-report-rsa", b.file(report()), "purpose-missing"),
        ("structured-report-rsa", b.file(report("VERIFIED", observers=2)), "profile-not-applicable"),
        ("creator-rsa", b.file(b.image(b.Value(t.IMAGE_COMMENTS, "UN", b"??"))), "element-not-covered"),
        ("creator-rsa", b.file(b.image()[1:]), "element-missing"),
    ],
    ids=["image", "no purpose", "observers", "UN", "no class"],
)
def test_explains_missing_requirements(run: Run, tmp_path: Path, rsa: str, name: str, data: bytes, code: str) -> None:
    path = written(tmp_path, data)
    assert code in [each["code"] for each in run("profiles", "explain", name, path, "--json").document["problems"]]
    assert f"({code})" in run("profiles", "explain", name, path).out
    refused = run("sign", path, tmp_path / "out.dcm", "--key", rsa, "--profile", name)
    assert refused.code == 2
    assert not (tmp_path / "out.dcm").exists()


def test_a_required_element_that_cannot_be_signed_is_named(run: Run, tmp_path: Path, rsa: str) -> None:
    path = written(tmp_path, b.file(b.image(b.Value(t.IMAGE_COMMENTS, "UN", b"??"))))
    for more in ((), ("--only-required",)):
        ran = run("sign", path, tmp_path / "out.dcm", "--key", rsa, "--profile", "creator-rsa", "--json", *more)
        assert ran.code == 2
        (finding,) = ran.document["findings"]
        assert (finding["code"], finding["where"]) == ("required-not-signable", "(0020,4000)")
        assert "(0020,4000)" in ran.err


def test_a_report_is_signed_for_a_purpose(run: Run, tmp_path: Path, rsa: str) -> None:
    out = tmp_path / "out.dcm"
    words = ("--key", rsa, "--profile", "structured-report-rsa", "--json", "--force")
    plain, verified = written(tmp_path, b.file(report())), written(tmp_path, b.file(report("VERIFIED")), "verified.dcm")
    refused = run("sign", plain, out, *words)
    assert refused.code == 2
    assert "purpose" in refused.document["hint"]
    assert run("sign", plain, out, *words, "--purpose", "author").document["signature"]["purpose"]["value"] == "1"
    assert run("sign", verified, out, *words).document["signature"]["purpose"]["value"] == "5"
    author = run("sign", verified, out, *words, "--purpose", "author").document
    assert "profile-not-met-yet" in [each["code"] for each in author["warnings"]]
    both = tmp_path / "both.dcm"
    again = run("sign", out, both, *words).document
    assert "profile-not-met-yet" not in [each["code"] for each in again["warnings"]]
    assert run("verify", both, "--integrity-only", "--require", "structured-report-rsa", "--quiet").code == 0


def test_an_approval_states_what_was_shown(run: Run, tmp_path: Path, rsa: str) -> None:
    path, out = written(tmp_path, b.file(b.image())), tmp_path / "out.dcm"
    words = ("sign", path, out, "--key", rsa, "--profile", "authorization-rsa", "--json", "--force")
    least = run(*words, "--only-required").document
    assert [each["code"] for each in least["warnings"]] == ["choice-expected"]
    shown = run(*words, "--only-required", "--tag", "PatientName").document
    assert shown["warnings"] == []
    elements = [[each["tag"] for each in one["signature"]["mac"]["elements"]] for one in (least, shown)]
    assert {*elements[1]} - {*elements[0]} == {"00100010"}
    assert run("verify", out, "--integrity-only", "--require", "authorization-rsa", "--quiet").code == 0


def test_one_signature_has_to_meet_each_required_profile(run: Run, tmp_path: Path, rsa: str, key: str) -> None:
    path, once, twice = written(tmp_path, b.file(b.image())), tmp_path / "once.dcm", tmp_path / "twice.dcm"
    assert run("sign", path, once, "--key", key).code == 0
    ran = run("verify", once, "--integrity-only", "--require", "creator-rsa", "--json")
    assert ran.code == 1
    assert [each["where"] for each in ran.document["unmet"]] == ["creator-rsa"]
    assert ran.document["signatures"][0]["verdict"] == "valid"
    assert run("sign", once, twice, "--key", rsa, "--profile", "creator-rsa").code == 0
    requirements = ("--require", "creator-rsa", "--require", "authorization-rsa")
    assert run("verify", twice, "--integrity-only", *requirements, "--quiet").code == 0
    signatures = run("verify", twice, "--integrity-only", "--json").document["signatures"]
    assert [each["profiles"] for each in signatures] == [
        ["none"],
        ["authorization-rsa", "base-rsa", "creator-rsa", "none"],
    ]
    uids = [each["uid"] for each in signatures]
    codes = [run("verify", twice, "--integrity-only", "--uid", uid, "-q", *requirements).code for uid in uids]
    assert codes == [1, 0]


def test_all_signatures_count_whichever_is_asked_about(run: Run, tmp_path: Path, rsa: str) -> None:
    path, once, twice = written(tmp_path, b.file(report("VERIFIED"))), tmp_path / "once.dcm", tmp_path / "twice.dcm"
    words = ("--key", rsa, "--profile", "structured-report-rsa", "--json")
    author = run("sign", path, once, *words, "--purpose", "author").document["signature"]["uid"]
    verify = ("--integrity-only", "--require", "structured-report-rsa", "--json")
    alone = run("verify", once, *verify)
    assert (alone.code, [each["code"] for each in alone.document["unmet"]]) == (1, ["verification-signature-missing"])
    assert run("sign", once, twice, *words).code == 0
    asked = run("verify", twice, "--uid", author, *verify)
    assert (asked.code, len(asked.document["signatures"])) == (0, 1)
    broken = written(tmp_path, twice.read_bytes().replace(b"no finding", b"a finding!"), "broken.dcm")
    codes = [each["code"] for each in run("verify", broken, *verify).document["unmet"]]
    assert codes == ["verification-signature-missing", "profile-not-met"]


@pytest.mark.parametrize("words", [("show",), ("explain", "none"), ("show", "none", "more"), ("none",)])
def test_words_that_make_no_sense(run: Run, words: tuple[str, ...]) -> None:
    assert run("profiles", *words).code == 2


def test_profile_files_stand_for_names(run: Run, tmp_path: Path, rsa: str) -> None:
    rules = tmp_path / "ours.toml"
    rules.write_text('name = "ours"\nbase = "creator-rsa"\nrequired = ["PatientID"]', encoding="utf-8")
    path, out = written(tmp_path, b.file(b.image())), tmp_path / "out.dcm"
    assert "creator" not in run("profiles", "show", rules).out.splitlines()[0]
    assert run("profiles", "explain", rules, path).code == 0
    assert run("sign", path, out, "--key", rsa, "--profile", rules, "--only-required").code == 0
    assert run("verify", out, "--integrity-only", "--require", rules, "-q").code == 0
    rules.write_text("name = 17", encoding="utf-8")
    ran = run("verify", out, "--integrity-only", "--require", rules)
    assert (ran.code, "ours.toml" in ran.err) == (2, True)
