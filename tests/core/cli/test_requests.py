"""The command line becomes values once, in the module of the command, before a file or key is opened."""

from __future__ import annotations

import ast
from argparse import Namespace
from pathlib import Path

import pytest

import dcmseal.cli
from dcmseal.batch.inputs.shard import Shard
from dcmseal.cli.main import load_command
from dcmseal.cli.options.archive_options import ArchiveInputs, parse_archive_options
from dcmseal.cli.options.destination_options import Destination, parse_destination
from dcmseal.cli.options.key_options import KEY_VARIABLE, ChosenKey, KeyOptions, parse_key_options
from dcmseal.cli.options.named_paths import parse_named_paths
from dcmseal.cli.options.output_form import OutputForm, parse_output_form
from dcmseal.cli.parser import Parser
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import UsageError
from tests.core.cli.conftest import Run

CLI = Path(dcmseal.cli.__file__).parent
BELOW_THE_COMMANDS = sorted([*CLI.glob("run/*.py"), *CLI.glob("render/*.py"), CLI / "path_checks.py"])


def parse(command: str, *words: str) -> Namespace:
    parser = Parser(prog=command)
    load_command(command).configure(parser)
    return parser.parse_intermixed_args(words)


@pytest.mark.parametrize("file", BELOW_THE_COMMANDS, ids=lambda file: file.name)
def test_a_parsed_command_line_stays_in_its_command(file: Path) -> None:
    names = [each for each in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(each, ast.alias)]
    assert not [each for each in names if each.name in ("argparse", "Namespace")]


def test_the_destination() -> None:
    assert parse_destination(parse("sign", "a.dcm", "b.dcm")) == Destination()
    options = parse("sign", "a.dcm", "-o", "signed", "--force", "--save-manifest", "manifests")
    assert parse_destination(options) == Destination(folder="signed", overwrite=True, manifest="manifests")
    assert parse_destination(parse("sign", "a.dcm", "--in-place")) == Destination(in_place=True)


def test_the_form_of_results() -> None:
    assert parse_output_form(parse("sign", "a.dcm", "-v", "--json")) == OutputForm(verbose=True, as_json=True)
    assert parse_output_form(parse("verify", "a", "--json-lines", "--full")) == OutputForm(
        as_json_lines=True, full=True
    )


def test_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert parse_key_options(parse("sign", "a.dcm")) == KeyOptions()
    monkeypatch.setenv(KEY_VARIABLE, "pem:absent.pem")
    options = parse("sign", "a.dcm", "--passphrase-file", "absent.txt", "--wait-for-device")
    assert parse_key_options(options) == KeyOptions(
        chosen=ChosenKey("pem:absent.pem"),
        pin_source=PinSource(kind=PinKind.FILE, name="absent.txt"),
        waits_for_device=True,
    )


def test_many_files() -> None:
    options = parse("sign", "archive", "-o", "signed", "--files-from", "list", "--jobs", "3", "--quiet")
    archive = parse_archive_options("sign", options.words, options)
    assert archive.inputs == ArchiveInputs(words=("archive",), files_from="list", output_folder="signed")
    assert (archive.jobs, archive.journal, archive.shows_progress) == (3, None, False)


def test_the_journal() -> None:
    options = parse("verify", "archive", "--journal", "run.journal", "--shard", "2/3", "--journal-full")
    journal = parse_archive_options("verify", options.files, options).journal
    assert journal is not None
    assert (journal.path, journal.shard, journal.keep_documents) == ("run.journal", Shard.parse("2/3"), True)
    options = parse("verify", "archive", "--shard", "2/3")
    with pytest.raises(UsageError, match="--shard requires --journal"):
        parse_archive_options("verify", options.files, options)


def test_the_named_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "pem:key.pem")
    paths = parse_named_paths("sign", parse("sign", "a.dcm", "b.dcm", "--tags-from", "tags", "--journal", "j"))
    assert (paths.words, paths.changes_words, paths.key) == (("a.dcm", "b.dcm"), True, "pem:key.pem")
    assert (paths.option_inputs, paths.option_outputs) == ((("the list of elements", "tags"),), ("j",))
    paths = parse_named_paths("verify", parse("verify", "a.dcm", "--html", "out.html", "--manifest", "m"))
    assert (paths.changes_words, paths.key, paths.option_outputs) == (False, "", ("out.html",))
    assert paths.option_inputs == (("an input", "a.dcm"), ("the manifest", "m"))


def test_an_invalid_option_is_refused_before_the_key_is_opened(run: Run, image: Path, tmp_path: Path) -> None:
    for words in ([image, tmp_path / "out.dcm"], [image.parent, "-o", tmp_path / "out"]):
        ran = run("sign", *words, "--key", "pem:absent.pem", "--mac", "absent")
        assert (ran.code, "absent.pem" in ran.err) == (2, False)
