"""``dcmseal sign`` with several files: one login for all, and what is wrong with one does not stop the others."""

from __future__ import annotations

import shutil
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

import dcmseal
from dcmseal.cli.options.secret_options import PresetSecret
from dcmseal.cli.render.file_progress import FileProgress
from dcmseal.cli.run.lazy_signer import LazySigner
from dcmseal.errors import DeviceReplaced, DeviceUnavailable, ModuleUnusable, PinLocked, PinRejected, SignerError
from tests.core.cli.conftest import Run, Terminal
from tests.core.cli.removable_card import PIN, PULLED, Card
from tests.support.pki import Pki

NAMES = ("a.dcm", "b.dcm", "c.dcm")


@pytest.fixture
def images(image: Path, in_folder: Path) -> list[str]:
    for name in NAMES:
        shutil.copy(image, in_folder / name)
    return list(NAMES)


def signatures(*paths: str | Path) -> list[int]:
    return [len(dcmseal.signatures(path)) if Path(path).exists() else -1 for path in paths]


WITH_CARD = ("--key", "card:", "--passphrase-env", "CARD_PIN")


def test_all_are_signed_after_one_login(run: Run, card: Card, images: list[str]) -> None:
    ran = run("sign", *images, "-o", "out", *WITH_CARD)
    assert (ran.code, ran.err) == (0, "")
    assert signatures("out/a.dcm", "out/b.dcm", "out/c.dcm", *images) == [1, 1, 1, 0, 0, 0]
    assert (card.opened, card.pins, card.is_open) == (1, [PIN], False)
    assert [line.split(" (")[0] for line in ran.out.splitlines()] == [
        *("out/a.dcm: signed", "out/b.dcm: signed", "out/c.dcm: signed", "3 of 3 files signed")
    ]


def test_in_place(run: Run, card: Card, images: list[str]) -> None:
    assert run("sign", *images, "--in-place", *WITH_CARD).code == 0
    assert signatures(*images) == [1, 1, 1]
    assert card.pins == [PIN]


@pytest.mark.usefixtures("images")
def test_one_file_may_go_to_a_folder_that_is_there(run: Run, key: str) -> None:
    Path("out").mkdir()
    ran = run("sign", "a.dcm", "-o", "out", "--key", key)
    assert ran.out.splitlines()[-1] == "verify with: dcmseal verify out/a.dcm --integrity-only"
    assert run("verify", "out/a.dcm", "--integrity-only").code == 0


@pytest.mark.usefixtures("card", "images")
def test_a_bad_file_does_not_stop_the_others(run: Run) -> None:
    Path("b.dcm").write_bytes(b"no DICOM")
    Path("out").mkdir()
    Path("out/c.dcm").write_bytes(b"precious")
    ran = run("sign", "gone.dcm", "b.dcm", "c.dcm", "a.dcm", "-o", "out", *WITH_CARD)
    assert ran.code == 5
    assert signatures("out/a.dcm") == [1]
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.dcm", "c.dcm"]
    assert Path("out/c.dcm").read_bytes() == b"precious"
    complaints = [line for line in ran.err.splitlines() if line.startswith("dcmseal: ")]
    assert [line.split(": ")[1] for line in complaints] == ["gone.dcm", "b.dcm", "c.dcm"]
    assert ran.out.splitlines()[-1] == "1 of 4 files signed"


@pytest.mark.usefixtures("card")
def test_results_as_a_document(run: Run, images: list[str]) -> None:
    Path("b.dcm").write_bytes(b"no DICOM")
    ran = run("sign", *images, "-o", "out", *WITH_CARD, "--json")
    assert (ran.code, ran.err) == (5, "")
    files = ran.document["files"]
    assert [each["document"] for each in files] == ["signing", "error", "signing"]
    assert [each["file"] for each in files] == images
    assert [each.get("output") for each in files] == ["out/a.dcm", None, "out/c.dcm"]
    assert files[0]["signature"]["uid"] == dcmseal.signatures("out/a.dcm")[0].uid


def test_plans_of_several_need_no_key(run: Run, images: list[str]) -> None:
    document = run("sign", *images, "-o", "out", "--dry-run", "--json").document
    assert [each["document"] for each in document["files"]] == ["plan"] * 3
    assert [each["file"] for each in document["files"]] == images
    ran = run("sign", *images, "--in-place", "--dry-run")
    assert ran.out.count("would be signed (dry run)") == 3
    assert sorted(path.name for path in Path().iterdir()) == images


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.dcm", "b.dcm", "c.dcm"], "-o FOLDER"),
        (["sub/a.dcm", "./sub/a.dcm", "-o", "out"], "the same output"),
        (["a.dcm", "./a.dcm", "--in-place"], "the same output"),
        (["a.dcm", "-o", "out", "--in-place"], "exclude each other"),
        (["a.dcm", "new.dcm", "--in-place"], "exclude each other"),
        (["a.dcm", "-", "-o", "out"], "standard input has no file name"),
        (["a.dcm", "b.dcm", "-o", "c.dcm"], "c.dcm looks like a file name"),
        (["a.dcm", "-o", "signed.dcm"], "looks like a file name"),
        (["-o", "out"], "no input file given"),
    ],
    ids=" ".join,
)
def test_a_refused_request_starts_nothing(run: Run, card: Card, images: list[str], words: list[str], said: str) -> None:
    Path("sub").mkdir()
    shutil.copy("a.dcm", "sub/a.dcm")
    ran = run("sign", *words, *WITH_CARD)
    assert ran.code == 2
    assert said in ran.err
    assert sorted(path.name for path in Path().iterdir()) == [*images, "sub"]
    assert signatures(*images, "sub/a.dcm") == [0, 0, 0, 0]
    assert card.pins == []


@pytest.mark.usefixtures("card")
def test_a_folder_that_cannot_be_made(run: Run, images: list[str]) -> None:
    ran = run("sign", *images, "-o", "no/such", *WITH_CARD)
    assert ran.code == 5
    assert "cannot create" in ran.err


def test_a_new_folder_goes_away_if_nothing_was_signed(run: Run, card: Card, images: list[str]) -> None:
    card.failures = [SignerError("no")]
    assert run("sign", *images, "-o", "out", *WITH_CARD).code == 6
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "failure", [PULLED, PinLocked("locked"), SignerError("broken")], ids=lambda e: type(e).__name__
)
def test_a_key_error_stops_the_run(run: Run, card: Card, images: list[str], failure: SignerError) -> None:
    card.failures = [None, failure]
    ran = run("sign", *images, "--in-place", *WITH_CARD)
    assert ran.code == 6
    assert signatures(*images) == [1, 0, 0]
    assert f"dcmseal: b.dcm: {failure}" in ran.err
    assert "dcmseal: c.dcm: not signed: the key is no longer usable" in ran.err
    assert card.opened == 1
    assert sorted(path.name for path in Path().iterdir()) == images


def test_a_wrong_pin_is_tried_once_however_many_files(
    run: Run, card: Card, images: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARD_PIN", "111111")
    ran = run("sign", *images, "-o", "out", *WITH_CARD)
    assert ran.code == 6
    assert card.pins == ["111111"]
    assert "111111" not in ran.out + ran.err


def test_a_key_that_asks_each_time_gets_the_pin_each_time(run: Run, card: Card, images: list[str]) -> None:
    card.asks_each_time = True
    assert run("sign", *images, "-o", "out", *WITH_CARD).code == 0
    assert card.pins == [PIN] * 4


def test_an_unreadable_key_uri_is_reported_once(run: Run, images: list[str]) -> None:
    ran = run("sign", *images, "-o", "out", "--key", "pem:key.pem?colour=red")
    assert ran.code == 6
    assert ran.err.count("colour") == 1


def test_a_key_that_cannot_be_closed_takes_nothing_back(run: Run, card: Card, images: list[str]) -> None:
    card.on_close = PULLED
    ran = run("sign", *images, "-o", "out", *WITH_CARD, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert [each["document"] for each in ran.document["files"]] == ["signing"] * 3


class TestWaiting:
    def test_a_card_is_put_back_and_work_goes_on(self, run: Run, card: Card, images: list[str]) -> None:
        card.failures = [None, PULLED]
        card.absent = 1  # the first answer is slow
        ran = run("sign", *images, "-o", "out", *WITH_CARD, "--wait-for-device", typed="\n\n")
        assert ran.code == 0
        assert signatures("out/a.dcm", "out/b.dcm", "out/c.dcm") == [1, 1, 1]
        assert (card.opened, card.pins) == (2, [PIN, PIN])
        assert ran.err.count("Insert the card or token") == 2
        assert ran.out.splitlines()[-1] == "3 of 3 files signed"

    def test_a_key_that_finds_back_is_not_opened_again(self, run: Run, card: Card, images: list[str]) -> None:
        card.failures = [None, PULLED, DeviceReplaced("another card"), None, None]
        card.recovers = True
        ran = run("sign", *images, "-o", "out", *WITH_CARD, "--wait-for-device", typed="\n\n")
        assert ran.code == 0
        assert "another card" in ran.err
        assert (card.opened, card.pins) == (1, [PIN])

    def test_other_cards_are_not_taken_for_it(
        self, run: Run, card: Card, images: list[str], pki: Pki, key: str
    ) -> None:
        card.failures = [None, PULLED]
        card.others = ["", f"pem:{pki['rsa2048'].key_and_certificate_pem}", key]
        ran = run("sign", *images, "-o", "out", *WITH_CARD, "--wait-for-device", typed="\n\n\n")
        assert ran.code == 0
        assert "there is no such key on this card" in ran.err
        assert "has another certificate" in ran.err
        signers = {dcmseal.signatures(Path("out", name))[0].content.certificate for name in images}
        assert len(signers) == 1

    @pytest.mark.parametrize("error", [ModuleUnusable("no driver"), PinLocked("locked"), None], ids=str)
    def test_missing_input_is_not_waited_for(
        self, run: Run, card: Card, images: list[str], error: SignerError | None
    ) -> None:
        if error:
            card.failures = [error]
        else:
            card.key = ""  # there never was such a key
        ran = run("sign", *images, "-o", "out", *WITH_CARD, "--wait-for-device", typed="\n\n\n")
        assert ran.code == 6
        assert "Put the card" not in ran.err

    def test_an_interrupted_run_keeps_its_finished_files(self, run: Run, card: Card, images: list[str]) -> None:
        card.failures = [None, PULLED]
        assert run("sign", *images, "-o", "out", *WITH_CARD, "--wait-for-device", typed="").code == 6
        assert signatures("out/a.dcm", "out/b.dcm", "out/c.dcm") == [1, -1, -1]

    def test_a_pin_that_never_proved_right_is_not_given_again(self, card: Card) -> None:
        """The card vanishes before it can say what it thinks of the PIN."""
        key = LazySigner("card:", PresetSecret(PIN), lambda: None)
        card.vanishes_after_pin = True
        with pytest.raises(DeviceUnavailable):
            _ = key.certificate_chain
        card.vanishes_after_pin = False
        with pytest.raises(PinRejected):
            _ = key.certificate_chain
        assert card.pins == [PIN, None]

    def test_without_a_terminal_to_ask(self, run: Run, card: Card, images: list[str]) -> None:
        ran = run("sign", *images, "-o", "out", *WITH_CARD, "--wait-for-device")
        assert ran.code == 2
        assert "requires a terminal" in ran.err
        assert card.pins == []


class TestProgress:
    def test_on_a_terminal_one_line_that_goes_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown = BytesIO()
        screen = Terminal(shown, write_through=True)
        monkeypatch.setattr("sys.stderr", screen)
        progress = FileProgress(2)
        progress.next("a\x1b[2J.dcm")
        progress.next("b.dcm")
        progress.clear()
        progress.clear()
        written = shown.getvalue().decode()
        assert written == "1/2 a\\x1b[2J.dcm\r" + " " * 16 + "\r2/2 b.dcm\r" + " " * 9 + "\r"

    @pytest.mark.parametrize(("total", "kind"), [(1, Terminal), (2, TextIOWrapper)])
    def test_nothing_for_one_file_or_elsewhere(
        self, monkeypatch: pytest.MonkeyPatch, total: int, kind: type[TextIOWrapper]
    ) -> None:
        shown = BytesIO()
        screen = kind(shown, write_through=True)
        monkeypatch.setattr("sys.stderr", screen)
        FileProgress(total).next("a.dcm")
        assert shown.getvalue() == b""
