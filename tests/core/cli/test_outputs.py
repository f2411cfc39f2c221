"""No command destroys what it reads, what it needs, or what it has written itself; nor lets others read more."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import dcmseal
from tests.core.cli.conftest import Run

KEEP = ("in.dcm", "a.pem", "k.pem", "k.crt", "tags.txt", "secret", "config.toml", "there.html", "list", "sub/x.dcm")


@pytest.fixture
def files(run: Run, image: Path, key: str, in_folder: Path) -> dict[str, bytes]:
    """What is there before; in.dcm is signed."""
    key_path, _, certificate = key.removeprefix("pem:").partition("?cert=")
    Path("k.pem").write_bytes(Path(key_path).read_bytes())
    Path("k.crt").write_bytes(Path(certificate).read_bytes())
    Path("a.pem").write_bytes(Path(certificate).read_bytes())
    assert run("sign", image, "in.dcm", "--key", key).code == 0
    os.symlink("in.dcm", "link")
    os.link("in.dcm", "hard")
    Path("sub").mkdir()
    Path("sub/x.dcm").write_bytes(image.read_bytes())
    Path("tags.txt").write_text("PatientID\n")
    Path("secret").write_text("1234\n")
    Path("list").write_text("in.dcm\n")
    Path("there.html").write_text("<!DOCTYPE html>\n" * 20)
    Path("config.toml").write_text('[keys.k]\nuri = "pem:k.pem"\ncert = "k.crt"\n[trust.t]\nanchors = ["a.pem"]\n')
    Path("config.toml").chmod(0o600)
    return {name: (in_folder / name).read_bytes() for name in KEEP}


KEY = "--key 'pem:k.pem?cert=k.crt'"
ANCHOR = "--trust-anchor a.pem"


@pytest.mark.parametrize(
    "line",
    [
        *(f"stream in.dcm -o {out} --force" for out in ("in.dcm", "./in.dcm", "link", "hard", "k.pem")),
        *(f"certificate in.dcm -o {out} --force" for out in ("in.dcm", "link", "k.pem")),
        "remove in.dcm hard --all --force",
        "remove in.dcm link --all --force",
        f"sign in.dcm in.dcm {KEY} --force",
        f"sign in.dcm hard {KEY} --force",
        *(f"sign in.dcm {out} {KEY} --force" for out in ("k.pem", "k.crt")),
        f"sign in.dcm tags.txt {KEY} --force --tags-from tags.txt",
        f"sign in.dcm secret {KEY} --force --passphrase-file secret",
        "sign in.dcm k.crt --key k --config config.toml --force",
        "sign in.dcm config.toml --key k --config config.toml --force",
        f"sign in.dcm sub/x.dcm {KEY} --force --references sub",
        f"sign in.dcm out.dcm {KEY} --force --save-manifest in.dcm",
        f"sign in.dcm out.dcm {KEY} --force --save-manifest out.dcm",
        f"sign in.dcm out.dcm {KEY} --force --save-manifest k.pem",
        f"sign in.dcm --in-place {KEY} --force --save-manifest hard",
        f"sign in.dcm sub/x.dcm -o . {KEY} --force",
        "timestamp request in.dcm -o in.dcm --force",
        "timestamp request in.dcm -o q --write-uid-file in.dcm --force",
        "timestamp request in.dcm -o q --write-uid-file ./q --force",
        "timestamp attach in.dcm a.pem --response a.pem --force",
        "timestamp attach in.dcm list --response a.pem --query list --force",
        "verify in.dcm --integrity-only --html in.dcm --force",
        "verify in.dcm --integrity-only --html hard --force",
        "verify in.dcm --integrity-only --report html:link --force",
        "verify in.dcm --integrity-only --html r.html --report html:./r.html",
        f"verify in.dcm {ANCHOR} --html a.pem --force",
        f"verify in.dcm {ANCHOR} --html e --save-evidence e",
        "verify in.dcm --trust t --config config.toml --html a.pem --force",
        "verify in.dcm --trust t --config config.toml --html config.toml --force",
        "verify . --integrity-only --html in.dcm --force",
        "verify '*.dcm' --integrity-only --html hard --force",
        "verify --files-from list --integrity-only --html in.dcm --force",
        "verify --files-from list --integrity-only --html list --force",
        "verify sub --integrity-only --html in.html --journal in.html",
        "verify in.dcm --integrity-only --journal in.dcm",
        "verify sub --integrity-only --html sub/x.dcm --force",
    ],
)
def test_an_output_that_would_destroy_its_input_is_refused(run: Run, files: dict[str, bytes], line: str) -> None:
    before = set(os.listdir())
    ran = run(*shlex.split(line))
    assert ran.code in (2, 5)
    assert "hint:" in ran.err
    assert {name: Path(name).read_bytes() for name in files} == files
    assert set(os.listdir()) - {"in.html"} <= before


def test_standard_streams_are_files_as_well(files: dict[str, bytes]) -> None:
    command = [sys.executable, "-m", "dcmseal", "stream", "-", "-o", "in.dcm", "--force"]
    with Path("in.dcm").open("rb") as stdin:
        ran = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
    assert (ran.returncode, "is an input" in ran.stderr) == (2, True)
    with Path("in.dcm").open("ab") as stdout:
        ran = subprocess.run([*command[:4], "in.dcm"], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, "is an input" in ran.stderr) == (2, True)
    assert Path("in.dcm").read_bytes() == files["in.dcm"]


@pytest.mark.usefixtures("files")
def test_files_that_are_not_inputs_are_overwritten(run: Run) -> None:
    for _ in range(2):
        assert run("verify", ".", "--integrity-only", "--html", "there.html", "--force").code in (0, 3)
        assert Path("there.html").read_bytes().startswith(b"<!DOCTYPE html>")
    for _ in range(2):
        assert run("stream", "in.dcm", "-o", "there.html", "--force").code == 0
    assert run("verify", "in.dcm", "--integrity-only", "--html", "/dev/null", "--force").code == 5
    assert run("stream", "in.dcm", "-o", "/dev/null").code == 0


def test_a_failure_leaves_the_old_file(run: Run, files: dict[str, bytes]) -> None:
    assert run("stream", "in.dcm", "-o", "there.html", "--force", "--uid", "1.2.3").code == 3
    assert run("journal", "export", "in.dcm", "-o", "there.html", "--force").code == 5
    assert Path("there.html").read_bytes() == files["there.html"]


class TestManyFiles:
    @pytest.mark.parametrize(
        "words",
        [["a", "b"], ["a/s", "b/s"], ["a/s/1.dcm", "b/s"], ["a/s/1.dcm", "b/s/1.dcm"], ["a/s/*", "b/s/*"]],
        ids=" ".join,
    )
    def test_one_rule_places_the_results_of_files_folders_patterns_and_lists(
        self, run: Run, image: Path, key: str, in_folder: Path, words: list[str]
    ) -> None:
        """The folder of the results mirrors what is below the common root of all inputs."""
        for name in ("a/s/1.dcm", "b/s/1.dcm"):
            Path(name).parent.mkdir(parents=True)
            Path(name).write_bytes(image.read_bytes())
        Path("list").write_text("".join(f"{word}\n" for word in words))
        for folder, named in (("out", words), ("listed", ["--files-from", "list"])):
            assert run("sign", *named, "-o", folder, "--key", key).code == 0
            written = sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*.dcm"))
            assert written == ["a/s/1.dcm", "b/s/1.dcm"]
        assert run("sign", words[0], "-o", "alone", "--key", key).code == 0
        assert list(Path("alone").rglob("1.dcm")), "below the folder that is named, or the one the file is in"

    @pytest.mark.parametrize("force", [[], ["--force"]])
    def test_results_that_would_go_to_one_place(
        self, run: Run, image: Path, key: str, in_folder: Path, force: list[str]
    ) -> None:
        Path("a").mkdir()
        Path("a/1.dcm").write_bytes(image.read_bytes())
        Path("list").write_text("a/1.dcm\n./a/1.dcm\n")
        ran = run("sign", "--files-from", "list", "-o", "out", "--key", key, *force)
        assert (ran.code, "would go to" in ran.err) == (2, True)
        assert not Path("out").exists()

    def test_patterns_are_laid_out_by_their_folders(self, run: Run, image: Path, key: str, in_folder: Path) -> None:
        for name in ("a/1.dcm", "b/1.dcm"):
            Path(name).parent.mkdir()
            Path(name).write_bytes(image.read_bytes())
        assert run("sign", "a/*", "b/*", "-o", "out", "--key", key).code == 0
        assert sorted(map(str, Path("out").rglob("*.dcm"))) == ["out/a/1.dcm", "out/b/1.dcm"]

    def test_inputs_in_the_folder_of_results(self, run: Run, image: Path, key: str, in_folder: Path) -> None:
        for name in ("in/1.dcm", "out/sub/2.dcm"):
            Path(name).parent.mkdir(parents=True)
            Path(name).write_bytes(image.read_bytes())
        for other in ("out/sub", "out/sub/2.dcm", "in/../out/sub"):
            ran = run("sign", "in", other, "-o", "out", "--key", key, "--force")
            assert (ran.code, "lies in out, where the results go" in ran.err) == (2, True)

    @pytest.mark.usefixtures("files")
    def test_keys_and_journals_are_kept(self, run: Run, image: Path) -> None:
        for name in ("k.pem", "k.crt", "run.journal", "fine.dcm"):
            Path("sub", name).write_bytes(image.read_bytes())
        Path("keys").mkdir()
        for name in ("k.pem", "k.crt"):
            os.rename(name, f"keys/{name}")
        key = "pem:keys/k.pem?cert=keys/k.crt"
        before = Path("keys/k.pem").read_bytes(), Path("keys/k.crt").read_bytes()
        words = ("sign", "sub", "-o", "keys", "--key", key, "--force", "--journal", "keys/run.journal", "--json-lines")
        ran = run(*words)
        assert ran.code == 5
        assert (Path("keys/k.pem").read_bytes(), Path("keys/k.crt").read_bytes()) == before
        assert ran.out.count("is a file of the key") == 2
        assert ran.out.count("is the journal") == 1
        assert run("verify", "keys/fine.dcm", "--integrity-only").code == 0
        assert run("journal", "status", "keys/run.journal").code == 0


class TestRights:
    @pytest.mark.usefixtures("files")
    @pytest.mark.parametrize(
        "line",
        [
            "stream in.dcm -o new",
            "remove in.dcm new --all",
            "timestamp request in.dcm -o new",
            "verify in.dcm --integrity-only --html new --show-values",
            "verify in.dcm sub/x.dcm --integrity-only --html new",
            "verify in.dcm --trust-anchor a.pem --save-evidence new",
            "verify sub in.dcm --integrity-only --html new",
            f"sign in.dcm new {KEY}",
            f"sign in.dcm out.dcm {KEY} --save-manifest new",
        ],
    )
    def test_output_of_a_private_file_is_private(self, run: Run, line: str) -> None:
        Path("in.dcm").chmod(0o600)
        run(*shlex.split(line))
        assert stat.S_IMODE(Path("new").stat().st_mode) == 0o600

    @pytest.mark.usefixtures("files")
    def test_a_certificate_is_for_all(self, run: Run) -> None:
        Path("in.dcm").chmod(0o600)
        assert run("certificate", "in.dcm", "-o", "new").code == 0
        assert stat.S_IMODE(Path("new").stat().st_mode) == 0o644

    @pytest.mark.usefixtures("files")
    def test_output_of_a_journal(self, run: Run) -> None:
        assert run("verify", "sub", "--integrity-only", "--journal", "j").code == 3
        assert run("journal", "export", "j", "-o", "new").code == 0
        assert run("journal", "merge", "j", "-o", "merged").code == 0
        for name in ("j", "new", "merged"):
            assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600


class TestLinks:
    @pytest.fixture
    def planted(self, image: Path, in_folder: Path) -> bytes:
        """A folder with a link that leads out of it, and one that does not."""
        Path("inbox").mkdir()
        Path("private").mkdir()
        for name in ("inbox/a.dcm", "private/secret.dcm"):
            Path(name).write_bytes(image.read_bytes())
        os.symlink("a.dcm", "inbox/same.dcm")
        os.symlink("../private/secret.dcm", "inbox/z.dcm")
        return image.read_bytes()

    def test_files_outside_the_folder_are_not_changed(self, run: Run, key: str, planted: bytes) -> None:
        ran = run("sign", "inbox", "--in-place", "--key", key)
        assert ran.code == 5
        assert "inbox/z.dcm: is a link to a file outside of inbox" in ran.out + ran.err
        assert Path("private/secret.dcm").read_bytes() == planted
        assert len(dcmseal.signatures("inbox/a.dcm")) == 1

    def test_nor_copied(self, run: Run, key: str, planted: bytes) -> None:
        assert run("sign", "inbox", "-o", "out", "--key", key).code == 5
        assert sorted(os.listdir("out")) == ["a.dcm", "same.dcm"]
        assert run("sign", "inbo*", "-o", "other", "--key", key).code == 5
        assert not Path("other/inbox/z.dcm").exists()

    @pytest.mark.usefixtures("planted")
    def test_unless_that_is_asked_for(self, run: Run, key: str) -> None:
        assert run("sign", "inbox", "--in-place", "--key", key, "--follow-links").code == 0
        assert [len(dcmseal.signatures(f"{name}.dcm")) for name in ("inbox/a", "private/secret")] == [1, 1]
        assert run("verify", "inbox", "--integrity-only").code == 5
        assert run("verify", "inbox", "--integrity-only", "--follow-links").code == 0
        kinds = [each.kind for each in dcmseal.verify_many(["inbox"], integrity_only=True, follow_links=True)]
        assert kinds == ["verified"] * 3

    @pytest.mark.usefixtures("planted")
    def test_a_named_output_is_used_literally(self, run: Run, key: str) -> None:
        assert run("sign", "inbox/z.dcm", "--in-place", "--key", key).code == 0
        assert len(dcmseal.signatures("private/secret.dcm")) == 1
        assert Path("inbox/z.dcm").is_symlink()


def test_a_certificate_is_appended_to_a_bundle(files: dict[str, bytes]) -> None:
    with Path("k.pem").open("ab") as bundle:
        command = [sys.executable, "-m", "dcmseal", "certificate", "in.dcm"]
        subprocess.run(command, stdout=bundle, check=True)
    assert Path("k.pem").read_bytes().startswith(files["k.pem"])
    assert b"BEGIN CERTIFICATE" in Path("k.pem").read_bytes()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("line", "folders"),
    [
        ("stream in.dcm -o new", {"."}),
        ("certificate in.dcm -o sub/new", {"sub"}),
        ("remove in.dcm new --all", {"."}),
        ("timestamp request in.dcm -o new --write-uid-file sub/new", {".", "sub"}),
        ("verify in.dcm --integrity-only --html new", {"."}),
        ("verify in.dcm sub --integrity-only --html sub/new", {"sub"}),
        ("verify in.dcm --trust-anchor a.pem --save-evidence new", {"."}),
        (f"sign sub/x.dcm {KEY} --in-place", {"sub"}),
        (f"sign sub/x.dcm new {KEY} --save-manifest sub/new", {".", "sub"}),
        (f"sign sub/x.dcm {KEY} -o out", {".", "out"}),
        (f"sign sub/x.dcm in.dcm {KEY} -o out", {".", "out"}),
        (f"sign sub {KEY} -o out/deep", {"out/deep", "out"}),
        (f"sign sub {KEY} --in-place", {"sub"}),
    ],
)
def test_reported_files_are_on_disk(run: Run, monkeypatch: pytest.MonkeyPatch, line: str, folders: set[str]) -> None:
    synced: set[tuple[int, int]] = set()
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            synced.add((status.st_dev, status.st_ino))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    os.unlink("hard")
    run(*shlex.split(line))
    assert synced >= {(os.stat(each).st_dev, os.stat(each).st_ino) for each in folders}
