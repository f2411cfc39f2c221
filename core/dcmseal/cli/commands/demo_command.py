"""``dcmseal demo``: signs, verifies, tampers and verifies again, with ordinary commands."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Json

_FOLDER: Final = "dcmseal-demo"
_IMAGE: Final = "CT_small.dcm"
_DEMO_FILES: Final = (
    *("image.dcm", "signer.key.pem", "signer.cert.pem", "authority.cert.pem"),
    *("signed.dcm", "signed-in-part.dcm", "tampered.dcm"),
)
_PARTIAL_TAGS: Final = "Rows,Columns,BitsAllocated,PixelData"
_EXAMPLES = """
  dcmseal demo
  dcmseal demo /tmp/demo --force"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "[FOLDER] [options]",
        "Create a throwaway key, sign a CT image, verify it, flip a bit, and verify it again.\n"
        "Shows every command, and leaves all files in the folder.",
        _EXAMPLES,
    )
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default=_FOLDER, help=f"default: {_FOLDER}")
    parser.add_argument("--force", action="store_true", help="overwrite existing output files")
    parser.add_json()


class _DemoStep(NamedTuple):
    """A step, with the expected exit code; ``run`` takes more arguments for the command line."""

    title: str
    command: str
    run: Callable[[Sequence[str]], int]
    expected: ExitCode = ExitCode.OK


def run(options: Namespace) -> int:
    """Run the steps; exit code 7 if one has an unexpected exit code."""
    from dcmseal.cli.render.screens import make_document, write_json
    from dcmseal.errors import OutputError

    folder = Path(options.folder)
    try:
        _prepare(folder, force=options.force)
        done, as_expected = _run_steps(folder, as_json=options.json)
    except OSError as error:
        raise OutputError(f"cannot use {folder}: {error.strerror or error}", hint="choose another folder") from None
    if options.json:
        write_json(make_document("demo", folder=str(folder), steps=done))
    elif as_expected:
        _show_closing(folder)
    return ExitCode.OK if as_expected else ExitCode.INTERNAL


def _prepare(folder: Path, *, force: bool) -> None:
    """Write the image, the key and the certificates to the folder; raises UsageError if the folder is in use."""
    from pydicom.data import get_testdata_file

    from dcmseal.cli.run.demo_pki import is_demo_folder, write_signer
    from dcmseal.errors import UsageError
    from dcmseal.output.dataset_output import write_chunks

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", hint="choose another folder")
    if folder.is_dir() and not force and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", hint="choose another folder, or use --force")
    if folder.is_dir() and not is_demo_folder(folder):
        for name in _DEMO_FILES:
            if os.path.lexists(folder / name):
                raise UsageError(f"{folder / name} exists and is not from a demo", hint="choose another folder")
    image = get_testdata_file(_IMAGE, download=False)
    assert isinstance(image, str), f"pydicom comes with {_IMAGE}"
    folder.mkdir(parents=True, exist_ok=True)
    write_chunks([Path(image).read_bytes()], folder / "image.dcm")
    write_signer(folder)


def _run_steps(folder: Path, *, as_json: bool) -> tuple[list[Json], bool]:
    """Run the steps until one has an unexpected exit code; returns their documents, and whether none had."""
    done: list[Json] = []
    for number, step in enumerate(_iter_steps(folder), 1):
        if as_json:
            code, result = _capture_step(step)
            done.append({"title": step.title, "command": step.command, "exit_code": code, "result": result})
        else:
            _show_step(number, step)
            code = step.run(())
        if code != step.expected:
            return done, False
    return done, True


def _show_closing(folder: Path) -> None:
    import shlex

    from dcmseal.cli.render.screens import make_screen

    check = shlex.join(("dcmsign", "--verify", "+cf", str(folder / "authority.cert.pem"), str(folder / "signed.dcm")))
    to = make_screen()
    to.line()
    to.line(f"To verify with DCMTK: {check}")


def _show_step(number: int, step: _DemoStep) -> None:
    from dcmseal.cli.render.screens import make_screen
    from dcmseal.cli.render.tone import Tone

    to = make_screen()
    if number > 1:
        to.line()
    to.line(f"{number}. {step.title}", Tone.HEADING)
    to.line(f"$ {step.command}", Tone.COMMAND)


def _capture_step(step: _DemoStep) -> tuple[int, Json]:
    """Run a step, and return its exit code and the JSON document that it writes."""
    import json

    from dcmseal.cli.standard_streams import capture_results

    with capture_results() as written:
        code = step.run(("--json",))
        text = written.getvalue()
    return code, json.loads(text) if text else None


def _iter_steps(folder: Path) -> Iterator[_DemoStep]:
    """Iterate over the steps; each is built after those before it have run."""
    from dcmseal.plugins.key_uri import escape_path

    image, signed, in_part, tampered = (
        str(folder / name) for name in ("image.dcm", "signed.dcm", "signed-in-part.dcm", "tampered.dcm")
    )
    key = f"pem:{escape_path(str(folder / 'signer.key.pem'))}?cert={escape_path(str(folder / 'signer.cert.pem'))}"
    yield _command_step(
        f"A CT image, a throwaway key and its certificate are in {folder}. Sign the whole image:",
        *("sign", image, signed, "--key", key, "--force"),
    )
    yield _command_step("Verify it (integrity only, because nobody vouches for this key):", *_verify_words(signed))
    yield _command_step(
        "Sign only a part of the image:",
        *("sign", image, in_part, "--key", key, "--tag", _PARTIAL_TAGS, "--force"),
    )
    yield _command_step("Verify it. The patient's name and ID are not protected:", *_verify_words(in_part))
    yield _tamper_step(signed, tampered)
    yield _command_step("Verify the changed file:", *_verify_words(tampered), expected=ExitCode.INVALID)


def _verify_words(file: str) -> tuple[str, ...]:
    return "verify", file, "--integrity-only"


def _command_step(title: str, *words: str, expected: ExitCode = ExitCode.OK) -> _DemoStep:
    import shlex

    from dcmseal.cli.main import main

    def act(more: Sequence[str]) -> int:
        return main((*words, *more))

    return _DemoStep(title, shlex.join(("dcmseal", *words)), act, expected)


def _tamper_step(signed: str, tampered: str) -> _DemoStep:
    """Flip the lowest bit of the byte in the middle of Pixel Data (7FE0,0010)."""
    import json
    import shlex

    from dcmseal.output.dataset_output import write_chunks

    offset = _find_middle_of_pixel_data(signed)

    def act(_: Sequence[str]) -> int:
        data = bytearray(Path(signed).read_bytes())
        data[offset] ^= 1
        write_chunks([bytes(data)], tampered)
        return ExitCode.OK

    source, target = json.dumps(signed), json.dumps(tampered)
    script = f'd = bytearray(open({source}, "rb").read()); d[{offset}] ^= 1; open({target}, "wb").write(d)'
    return _DemoStep(
        f"Flip one bit of one pixel, in byte {offset} of the file:", shlex.join(("python3", "-c", script)), act
    )


def _find_middle_of_pixel_data(file: str) -> int:
    from dcmseal.macro.levels import main_level
    from dcmseal.sources.dataset_input import open_source
    from dcmseal.tags import PIXEL_DATA

    with open_source(file) as dicom:
        scan = main_level(dicom).scanner().finish()
        index = scan.index(PIXEL_DATA)
        assert index is not None, "the image has pixels"
        start, end = scan.element_range(index)
        return (start + scan.header(index).size + end) // 2
