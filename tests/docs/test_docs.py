"""The documentation is true: its commands and code run, its example is what is hashed, and nothing is left out."""

from __future__ import annotations

import doctest
import re
import shutil
import tomllib
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

import dcmseal
import dcmseal.plugins
import dcmseal.testing
import make_cli_reference
import make_tokens_page
from dcmseal import tags
from dcmseal.cli.main import COMMANDS, main
from dcmseal.exit_codes import ExitCode
from dcmseal.plugins import hookspecs
from dcmseal.signing.make import build_mac_stream
from dcmseal.signing.plan import plan_signature
from dcmseal.signing.signing_context import SigningContext
from tests.core.plugins.test_discovery import FOREIGN, install
from tests.docs.doc_pages import DATA, DOCS, README, RUNNABLE, Block, blocks, pages
from tests.docs.page_reader import PageReader, commands, environment
from tests.docs.source_codes import ROOT
from tests.support import builder as b
from tests.support import tags as t
from tests.tokens.token_kinds import EVERY_KEY, KINDS

_FROM_NOTHING = (README, DOCS / "tutorial" / "first-signature.md")
"""Pages whose reader has nothing yet; those of the others have run the demonstration, and are in its folder."""
PUBLIC = (dcmseal, dcmseal.plugins, dcmseal.testing)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def to_do(page: Path) -> list[Block]:
    return [block for block in blocks(page) if not block.not_run and (block.title or block.language in RUNNABLE)]


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plugin of the worked examples is installed."""
    return install(FOREIGN, tmp_path_factory.mktemp("foreign"))


@pytest.mark.parametrize("page", [page for page in pages() if to_do(page)], ids=lambda page: page.stem)
def test_examples_behave_as_described(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = tmp_path / "dcmseal-demo"
    if page in _FROM_NOTHING:
        folder = tmp_path
    else:
        shutil.copytree(request.getfixturevalue("demo"), folder)
    if "softhsm2-util" in page.read_text("utf-8"):
        assert request.getfixturevalue("softhsm").module
    plugins = [request.getfixturevalue("foreign")] if "plugin" in page.stem else []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        variables = environment(tmp_path, *plugins)
        patch.setenv("PATH", variables["PATH"])
        reader = PageReader(folder, variables)
        for block in to_do(page):
            reader.follow(block)


def modules_with_examples() -> list[str]:
    sources = (path for root in ("core", "backends", "profiles") for path in (ROOT / root).rglob("*.py"))
    names = (path.relative_to(ROOT).with_suffix("").parts[1:] for path in sources if ">>> " in path.read_text("utf-8"))
    return sorted(".".join(name).removesuffix(".__init__") for name in names)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_are_true(name: str, demo: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(demo, tmp_path / "demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = doctest.testmod(import_module(name))
    assert result.attempted
    assert not result.failed


def test_every_code_block_is_run_or_has_a_reason_not_to() -> None:
    for page in pages():
        for block in blocks(page):
            assert block.language in RUNNABLE | DATA, block
            assert not (block.not_run and block.language in DATA), block
            if block.language == "console":
                assert list(commands(block.code)), block


def test_commands_are_read_as_they_are_typed() -> None:
    code = "$ one \\\n> more\nanswer\nanother\n$ two\n"
    assert list(commands(code)) == [("one \\\nmore\n", "answer\nanother\n"), ("two\n", "")]


def test_links_of_the_front_page_lead_somewhere() -> None:
    links = _LINK.findall(README.read_text("utf-8"))
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_page_is_in_the_menu_and_the_index_of_its_folder() -> None:
    menu = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in pages()[1:]:
        assert page.relative_to(DOCS).as_posix() in menu
        index = page.parent / "index.md"
        assert page == index or f"({page.name})" in index.read_text("utf-8"), page


def test_the_command_line_reference_is_up_to_date() -> None:
    assert make_cli_reference.TARGET.read_text("utf-8") == make_cli_reference.build_page()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    options = set(re.findall(r"(?<![\w-])--[a-z-]+", capsys.readouterr().out.partition("examples:")[0])) - {"--help"}
    (section,) = re.findall(
        rf"^## {command}$(.*?)(?=^## |\Z)", make_cli_reference.TARGET.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert options
    assert {option for option in options if f"`{option}" not in section} == set()


def test_every_command_has_a_how_to() -> None:
    text = "".join(page.read_text("utf-8") for page in (README, *DOCS.glob("how-to/*.md"), *DOCS.glob("tutorial/*.md")))
    assert [command for command in COMMANDS if f"dcmseal {command}" not in text] == []


def test_every_hook_is_documented() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("dcmseal_")}
    assert hooks
    for page in ("reference/api.md", "explanation/architecture.md"):
        assert set(re.findall(r"\bdcmseal_\w+", (DOCS / page).read_text("utf-8"))) == hooks
    guides = "".join(page.read_text("utf-8") for page in DOCS.glob("how-to/write-*.md"))
    assert [hook for hook in hooks if f"def {hook}(" not in guides] == []


def api_entries() -> list[tuple[str, str]]:
    """Package and name of every entry on the page about Python."""
    page = (DOCS / "reference" / "api.md").read_text("utf-8")
    return re.findall(r"^::: (dcmseal(?:\.[a-z_]+)*)\.(\w+)$", page, re.MULTILINE)


def test_every_public_name_is_documented_once_and_no_other() -> None:
    entries = api_entries()
    exports = {(package.__name__, name) for package in PUBLIC for name in dir(package)}
    assert {*entries} <= exports, "not exported"
    names = [name for _, name in entries]
    assert len(names) == len({*names})
    assert {name for _, name in exports} - {*names} == {"__version__"}


def test_documentation_and_examples_import_public_names_only() -> None:
    paths = [*pages(), *DOCS.rglob("*.py"), *FOREIGN.rglob("*.py")]
    private = re.compile(r"^\W*(?:from|import) dcmseal\.(?!(?:plugins|testing) import).*", re.MULTILINE)
    assert len(paths) > 100
    assert {str(path): found for path in paths if (found := private.findall(path.read_text("utf-8")))} == {}


def test_every_section_of_the_python_reference_has_an_example_and_names() -> None:
    page = (DOCS / "reference" / "api.md").read_text("utf-8")
    sections = page.split("\n## ")[1:]
    assert len(sections) > 20
    assert [section.partition("\n")[0] for section in sections if not re.search(r"^```py", section, re.MULTILINE)] == []
    assert [section.partition("\n")[0] for section in sections if "\n::: " not in section] == []


def test_the_layers_of_the_architecture_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = [{*re.findall(r"\w+", layer)} for layer in contracts[0]["layers"]]
    page = (DOCS / "explanation" / "architecture.md").read_text("utf-8")
    table = page.partition("| Layer | Content |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.strip().splitlines()[1:]]
    assert [{*re.findall(r"`(\w+)`", row)} for row in rows] == layers


def test_every_exit_code_is_documented_and_no_other() -> None:
    page = (DOCS / "reference" / "exit-codes.md").read_text("utf-8")
    rows = {(int(code), name) for code, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", page, re.MULTILINE)}
    assert rows == {(code.value, code.name) for code in ExitCode}


def test_every_token_that_is_tested_is_documented() -> None:
    page = make_tokens_page.TARGET.read_text("utf-8")
    rows = re.findall(r"^\| ([\w-]+) \| [\d.]+ \| ([\w ]+) \|.* \d+ passed", page, re.MULTILINE)
    assert set(rows) == {(kind.name, key) for kind, key in EVERY_KEY}
    assert "failed" not in page
    assert all(kind.package in token_packages() for kind in KINDS)


def token_packages() -> str:
    return (ROOT / "tools" / "token_packages.sh").read_text("utf-8")


def test_the_example_matches_the_hashed_stream() -> None:
    page = (DOCS / "explanation" / "mac-byte-stream.md").read_text("utf-8")
    shown = [
        bytes.fromhex("".join(re.findall(r"^((?:[0-9A-F]{2} ?)+)(?=  |$)", text, re.MULTILINE)))
        for text in re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ]
    nodes = (
        b.text(tags.SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192"),
        b.uid(tags.SOP_INSTANCE_UID, "1.2.3.4"),
        b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.uid(tags.REFERENCED_SOP_INSTANCE_UID, "1.2.3.5"),)),)),
        b.text(t.PATIENT_NAME, "PN", "Yamada^Tarou"),
        b.Fragments(fragments=(b"", b"\xff\xd8\xff\xd9")),
    )
    image = b.file(nodes, b.JPEG_BASELINE)
    with plan_signature(image, SigningContext(uid="2.25.17", moment=datetime(2026, 1, 31, 12, tzinfo=UTC))) as plan:
        message = build_mac_stream(plan)
        assert shown == [b"".join(message.chunks()), message.digest, message.digest_info]
