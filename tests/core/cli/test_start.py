"""Starting: fast, with help for everything, and without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dcmseal
from dcmseal.cli.main import COMMANDS, load_command
from dcmseal.walker.compiled import describe_walker
from tests.core.cli.conftest import Run

DCMSEAL = Path(sys.executable).with_name("dcmseal")
HEAVY = {
    *("argcomplete", "asyncio", "cryptography", "getpass", "pydicom", "rich"),
    *("dcmseal.api.sign", "dcmseal.mac.mac_encoder"),
}
NOT_FOR_HELP = {
    *("dataclasses", "dcmseal.dictionary", "dcmseal.model.report", "difflib", "hashlib", "importlib.metadata"),
    *("inspect", "json", "pluggy", "shutil", "tempfile"),
}


def modules_after(*words: str) -> set[str]:
    """What is imported by a command line, in a process of its own."""
    program = (
        "import sys\nfrom dcmseal.cli.main import main\n"
        "try:\n    code = main(sys.argv[1:])\nexcept SystemExit as end:\n    code = end.code\n"
        "print(*sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", program, *words], check=True, capture_output=True, text=True)
    return set(ran.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["verify", "--help"], ["sign", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    modules = modules_after(*words)
    assert "dcmseal.cli.main" in modules
    assert not modules & (HEAVY | NOT_FOR_HELP)


def test_help_imports_no_command() -> None:
    assert not [name for name in modules_after("--help") if name.startswith("dcmseal.cli.commands")]


@pytest.mark.parametrize("command", ["plugins", "profiles"])
def test_listing_plugins_does_not_import_their_dependencies(command: str) -> None:
    modules = modules_after(command)
    assert "pluggy" in modules
    assert not modules & HEAVY


def test_verifying_imports_nothing_for_timestamps_that_are_not_there(signed: Path) -> None:
    modules = modules_after("verify", str(signed), "--integrity-only")
    assert "dcmseal.verification.pipeline" in modules
    unwanted = ("asn1crypto", "dcmseal_timestamp", "dcmseal.plugins.registry", "urllib.request", "http")
    assert not modules.intersection(unwanted)


def test_verifying_imports_nothing_for_urls_that_are_not_there(signed: Path) -> None:
    modules = modules_after("verify", str(signed), "--integrity-only")
    unwanted = (
        "dcmseal.sources.remote_objects",
        "dcmseal.plugins.storage_urls",
        "dcmseal.dataset.ranged_file",
        "dcmseal_remote",
    )
    assert not modules.intersection((*unwanted, "concurrent.futures", "fsspec"))


def test_a_single_file_imports_no_pool_of_processes(signed: Path, image: Path, key: str, tmp_path: Path) -> None:
    for words in (
        ["verify", str(signed), "--integrity-only"],
        ["sign", str(image), str(tmp_path / "out"), "--key", key],
    ):
        modules = modules_after(*words)
        assert "dcmseal.cli.run.run_loop" in modules
        assert not [name for name in modules if name.startswith("dcmseal.batch.pool")]
        assert "multiprocessing" not in modules


def test_processes_of_a_pool_do_not_import_the_script_that_began(signed: Path, tmp_path: Path) -> None:
    script, log, folder = tmp_path / "script.py", tmp_path / "log", tmp_path / "archive"
    script.write_text(
        f"with open({str(log)!r}, 'a') as log: log.write(__name__)\n"
        "if __name__ == '__main__':\n    from dcmseal.cli.main import process\n    process()\n"
    )
    folder.mkdir()
    for number in range(600):
        (folder / f"{number}.dcm").hardlink_to(signed)
    words = ["verify", str(folder), "--integrity-only", "--jobs", "2"]
    ran = subprocess.run([sys.executable, str(script), *words], check=True, capture_output=True, text=True)
    assert "600 files verified" in ran.stderr + ran.stdout
    assert log.read_text() == "__main__"


def test_the_package_is_the_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "dcmseal", "--version"], check=True, capture_output=True, text=True)
    assert ran.stdout == f"dcmseal {dcmseal.__version__}\n"


def test_the_overview_names_every_command_and_exit_code(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    for name, summary in COMMANDS.items():
        assert f"  {name}" in ran.out
        assert summary in ran.out
    assert all(f"  {code}  " in ran.out for code in range(8))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_ends_with_examples(run: Run, name: str) -> None:
    ran = run(name, "--help")
    assert ran.code == 0
    description, _, examples = ran.out.partition("\nexamples:\n")
    assert f"usage: dcmseal {name}" in description
    assert all(f"dcmseal {name}" in line for line in examples.splitlines() if "sign image" not in line)
    assert "--json" in description
    assert max(map(len, ran.out.splitlines())) <= 110


def test_every_module_is_a_command() -> None:
    folder = Path(str(load_command("verify").__dict__["__file__"])).parent
    assert {path.stem.removesuffix("_command") for path in folder.glob("*_command.py")} == set(COMMANDS)


def test_version(run: Run) -> None:
    assert run("--version").out == f"dcmseal {dcmseal.__version__}\n"
    lines = run("--version", "-v").out.splitlines()
    assert lines[0] == f"dcmseal {dcmseal.__version__}"
    assert lines[-1] == f"walker: {describe_walker()}"


def test_without_a_command_the_overview_is_shown_and_refused(run: Run) -> None:
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert "commands:" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verfy"], "did you mean verify?"),
        (["frobnicate"], "dcmseal --help"),
        (["--frobnicate"], "unknown option --frobnicate"),
        (["verify"], "dcmseal verify --help"),
        (["verify", "x.dcm", "--integrity"], "unknown option --integrity"),
        (["verify", "x.dcm", "--integrity"], "did you mean --integrity-only?"),
        (["verify", "x.dcm", "--trust-anchr", "y"], "did you mean --trust-anchor?"),
        (["help", "verfy"], "did you mean verify?"),
        (["help", "verify", "sign"], "dcmseal help COMMAND"),
        (["list", "x.dcm", "--frobnicate"], "dcmseal list --help"),
        (["sign", "a", "b", "c"], "-o FOLDER"),
        (["completion", "csh"], "bash"),
        (["verify", "x.dcm", "-q", "--json"], "not allowed with"),
    ],
)
def test_an_invalid_command_line_is_refused_in_two_lines(run: Run, words: list[str], said: str) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert said in ran.err
    message, hint = ran.err.splitlines()
    assert message.startswith("dcmseal: ")
    assert hint.startswith("hint: ")


def test_names_that_look_like_options_stand_behind_two_dashes(run: Run, signed: Path, in_folder: Path) -> None:
    (in_folder / "--all").write_bytes(signed.read_bytes())
    assert run("verify", "--integrity-only", "--", "--all").code == 0
    assert run("remove", "--all", "--", "--all", "--out").code == 0
    assert (in_folder / "--out").exists()


def test_the_console_script_gives_the_exit_code(tmp_path: Path, signed: Path) -> None:
    ran = subprocess.run([DCMSEAL, "verify", signed], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (4, "")
    ran = subprocess.run([DCMSEAL, "verify", tmp_path / "none"], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (5, "")


def test_a_pipe_goes_in_and_another_comes_out(image: Path, key: str) -> None:
    """Neither can be read twice, or sought in."""
    with (
        subprocess.Popen(["cat", image], stdout=subprocess.PIPE) as cat,
        subprocess.Popen(
            [DCMSEAL, "sign", "-", "-", "--key", key], stdin=cat.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as sign,
    ):
        verify = subprocess.run(
            [DCMSEAL, "verify", "-", "--integrity-only"], stdin=sign.stdout, check=False, capture_output=True, text=True
        )
        assert sign.stderr is not None
        assert b"standard output: signed" in sign.stderr.read()
    assert (verify.returncode, verify.stderr) == (0, "")
    assert verify.stdout.startswith("standard input: valid")


def test_a_reader_that_goes_away_hears_no_complaint(signed: Path) -> None:
    """It has heard enough, and the exit code is that of what came out."""
    with subprocess.Popen([DCMSEAL, "show", signed], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as show:
        assert show.stdout is not None
        assert show.stderr is not None
        show.stdout.close()
        assert show.stderr.read() == b""
        assert show.wait() == 0


def test_closed_standard_streams_cause_no_internal_error(signed: Path) -> None:
    for redirection in (">&-", "<&-"):
        command = f'"$0" verify "$1" --integrity-only {redirection}'
        ran = subprocess.run(["/bin/sh", "-c", command, DCMSEAL, signed], check=False, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
    ran = subprocess.run(
        ["/bin/sh", "-c", '"$0" stream "$1" >&-', DCMSEAL, signed], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 5
    assert "standard output is closed" in ran.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_a_command(run: Run, name: str) -> None:
    assert run("help", name).out == run(name, "--help").out
    assert run("help").out == run("--help").out


def complete(line: str, *, folder: Path, **variables: str) -> set[str]:
    """What a shell is offered for the last word of a command line."""
    completions = folder / "completions"
    environment = {
        **os.environ,
        **variables,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(completions),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([sys.executable, "-m", "dcmseal"], cwd=folder, env=environment, check=True, capture_output=True)
    return {word.strip() for word in completions.read_text().split("\v")}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dcmseal ver", {"verify"}),
        ("dcmseal help ver", {"verify"}),
        ("dcmseal sign --purpose veri", {"verification"}),
        ("dcmseal sign --mac SHA", {"SHA1", "SHA256", "SHA384", "SHA512"}),
        ("dcmseal sign --timestamp-digest SHA", {"SHA256", "SHA384", "SHA512"}),
        ("dcmseal sign --profile creator", {"creator-rsa"}),
        ("dcmseal sign --key read", {"reading-room"}),
        ("dcmseal verify --trust hos", {"hospital"}),
        ("dcmseal verify --policy rel", {"release"}),
        ("dcmseal verify --crl some", {"some.crl"}),
        ("dcmseal verify --timestamp-mode re", {"require"}),
    ],
)
def test_values_are_completed(line: str, offered: set[str], tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[keys.reading-room]\nuri = "pem:key.pem"\n'
        '[trust.hospital]\nanchors = ["ca.pem"]\n'
        '[policies.release]\nrequire = ["base-rsa"]\n'
    )
    (tmp_path / "some.crl").touch()
    assert complete(line, folder=tmp_path, DCMSEAL_CONFIG=str(config)) >= offered
