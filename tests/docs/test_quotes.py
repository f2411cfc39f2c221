"""What the pages quote, dcmseal says: every message on them is heard in a scene."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from tests.docs import card_scenes, scenes
from tests.docs.desk import Desk
from tests.docs.quotes import SOURCES, messages, quotes, says
from tests.docs.source_codes import ROOT
from tests.support.pki import Pki
from tests.support.softhsm_token import SoftHsm

Scene: TypeAlias = Callable[[Desk], None]

SCENES: Final[Mapping[str, tuple[Scene, ...]]] = {
    "docs/explanation/limits.md": (scenes.system_without_file_locks,),
    "docs/explanation/verdicts.md": (scenes.partial_cover,),
    "docs/explanation/writing-files.md": (scenes.file_that_another_program_writes,),
    "docs/how-to/find-what-changed.md": (scenes.vr_that_implicit_vr_loses,),
    "docs/how-to/read-the-report.md": (scenes.page_about_partial_cover,),
    "docs/how-to/sign-a-file.md": (
        scenes.expired_certificate,
        scenes.certificate_of_another_key,
        scenes.absent_element,
        scenes.nothing_but_directory_records,
        scenes.element_twice,
        scenes.elements_out_of_order,
    ),
    "docs/how-to/sign-with-a-smart-card.md": (
        card_scenes.pin_that_is_asked_for,
        card_scenes.card_that_is_not_there,
        card_scenes.driver_that_is_not_there,
        card_scenes.driver_that_is_none,
        card_scenes.card_with_two_keys,
        card_scenes.wrong_pin,
        card_scenes.locked_pin,
        card_scenes.card_that_is_pulled_out,
        card_scenes.card_that_is_exchanged,
        card_scenes.card_without_a_certificate,
        card_scenes.certificate_of_another_key,
        card_scenes.mechanism_that_the_card_refuses,
    ),
    "docs/how-to/use-keys-in-files.md": (
        scenes.no_passphrase,
        scenes.wrong_passphrase,
        scenes.certificate_nowhere,
        scenes.certificate_of_another_key,
        scenes.unsupported_cipher,
        scenes.certificate_behind_a_passphrase,
        scenes.certificate_for_a_key,
        scenes.key_without_a_scheme,
        scenes.scheme_of_no_plugin,
    ),
    "docs/how-to/work-on-archives.md": (scenes.folder_with_other_files,),
    "docs/reference/tokens.md": (card_scenes.few_tries_left, card_scenes.one_try_left),
}
"""The scenes in which the messages that a page quotes are heard."""

QUOTED: Final = {page.relative_to(ROOT).as_posix(): found for page in SOURCES if (found := quotes(page))}
"""What each page quotes."""


@pytest.mark.parametrize("page", sorted({*QUOTED, *SCENES}))
def test_quoted_messages_are_real(
    page: str, demo: Path, pki: Pki, softhsm: SoftHsm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: dict[str, str] = {}
    for scene in SCENES.get(page, ()):
        desk = Desk(pki=pki, softhsm=softhsm, capture=capsys)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(shutil.copytree(demo, tmp_path / scene.__name__))
            patch.setenv("XDG_CONFIG_HOME", str(tmp_path))
            scene(desk)
        heard[scene.__name__] = "\n".join(desk.heard)
    quoted = QUOTED.get(page, ())
    never_said = [quote for quote in quoted if not any(says(output, quote) for output in heard.values())]
    assert never_said == [], f"{page}: said in no scene, where one hears:\n" + "\n".join(heard.values())
    not_quoted = {name: output for name, output in heard.items() if not any(says(output, quote) for quote in quoted)}
    assert not_quoted == {}, f"{page} quotes nothing of that"


def test_messages_are_distinguished_from_commands() -> None:
    commands = ["dcmseal list FILE", "sign --dry-run", "--purpose author", "IN [OUT]", "chmod go-w"]
    code = ["fetch = true", "signer:CN=A or CN=B", "import dcmseal", "SEQUENCE(r, s)", "mac-differs"]
    said = ["was removed", "9 skipped: not DICOM", "no plugin opens keys of scheme ...", "● Covered"]
    table = "".join(f"| `{span}` | text |\n" for span in (*commands, *code, *said))
    assert list(messages(f"{table}```console\n$ `no message`\n```\n`over two\nlines`")) == [*said, "over two lines"]


def test_three_dots_stand_for_anything_in_a_line() -> None:
    assert says("error: the PIN of token 'a' is locked (x)", "the PIN ... is locked")
    assert not says("the PIN is wrong\nthe card is locked", "the PIN ... is locked")
    assert not says("2 skipped", "9 skipped")
