"""The example of docs/reference/json.md is a true one, and its names are those of the schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dcmseal
from dcmseal import tags
from dcmseal.cli.main import main
from dcmseal.documents.document_builders import report_document
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.profile import Profile
from dcmseal.plugins.registry import Registry
from dcmseal_profiles.base_rsa import BaseRsa
from tests.docs.source_codes import ROOT
from tests.support import builder as b
from tests.support import cited_evidence
from tests.support.pki import Pki

REFERENCE = ROOT / "docs" / "reference"
PAGE = (REFERENCE / "json.md").read_text("utf-8")
SCHEMA = json.loads((REFERENCE / "report.schema.json").read_text("utf-8"))


class OneProfile:
    """A plugin: what is installed besides does not matter to the example."""

    @staticmethod
    @hookimpl
    def dcmseal_profiles() -> tuple[Profile, ...]:
        return (BaseRsa(),)


def example_document(pki: Pki) -> Any:
    """What verification says of a small file, in which one element is not signed and one was changed."""
    image = [node for node in b.image() if isinstance(node, b.Value) and node.tag >> 16 in (0x8, 0x10)]
    key = f"pem:{pki['rsa2048'].key_pem}?cert={pki['rsa2048'].certificate_pem}"
    tags = ["SOPClassUID", "SOPInstanceUID", "PatientID"]
    data = dcmseal.sign(b.file(image), key=key, tags=tags, purpose="verification").data
    assert data is not None
    changed = data.replace(b"4711", b"4712", 1)
    report = dcmseal.verify(
        changed,
        integrity_only=True,
        count_coverage=True,
        name_profiles=True,
        registry=Registry.from_plugins(OneProfile()),
    )
    return json.loads(json.dumps(report_document(report, "changed.dcm")))


def written_example() -> Any:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return json.loads(block)


def test_the_example_is_valid() -> None:
    jsonschema.validate(written_example(), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_example_matches_a_verification(pki: Pki) -> None:
    written, real = written_example(), example_document(pki)
    for document in (written, real):
        assert document["instance"].pop("size")
        (signature,) = document["signatures"]
        for key in ("uid", "datetime", "signing_time"):
            assert signature.pop(key)
        for key in ("serial", "sha256"):
            assert signature["signer"].pop(key)
    assert written == real


def test_the_page_names_every_kind_of_document() -> None:
    table = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert set(table) == {each["$ref"].rpartition("/")[2] for each in SCHEMA["oneOf"]}


COMMANDS = {
    "sign": "signing",
    "sign --dry-run": "plan",
    "sign --list-purposes": "purposes",
    "verify SIGNED": "verification",
    "verify SIGNED PLAIN": "files",
    "verify SIGNED PLAIN --full": "files",
    "compare SIGNED PLAIN": "comparison",
    "compare SIGNED REPORT": "comparison",
    "list SIGNED": "signatures",
    "show SIGNED": "signatures",
    "show UID SIGNED": "signature",
    "show SIGNED --tree": "map",
    "certificate SIGNED": "certificate",
    "stream SIGNED": "stream",
    "remove SIGNED OUT --all": "removal",
    "sign PLAIN SIGNED NOWHERE --in-place": "files",
    "sign PLAIN SIGNED NOWHERE --in-place --dry-run": "files",
    "keys": "keys",
    "config check": "configuration",
    "config check --open --config CONFIG": "configuration",
    "config path": "configuration-path",
    "plugins": "plugins",
    "sign REPORT OUT --references FOLDER": "signing",
    "verify REPORT --references FOLDER": "verification",
    "profiles": "profiles",
    "profiles show creator-rsa": "rules",
    "profiles explain structured-report-rsa PLAIN": "explanation",
    "completion bash": "completion",
    "demo OUT": "demo",
    "verify NOWHERE": "error",
    "verify": "error",
}


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_write_the_documents_of_the_schema(
    pki: Pki, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    plain, signed = tmp_path / "plain.dcm", tmp_path / "signed.dcm"
    plain.write_bytes(b.file(b.image()))
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    result = dcmseal.sign(plain, key=key, output=signed)
    report = tmp_path / "report.dcm"
    report.write_bytes(
        b.file(
            cited_evidence.make_document(
                cited_evidence.make_evidence_sequence(
                    tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, cited_evidence.make_citation("1.2.3.4")
                )
            )
        )
    )
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "instance.dcm").write_bytes(b.file(b.image()))
    config = tmp_path / "config.toml"
    config.write_text(f'[keys.a]\nuri = "{key}"\n[keys.b]\nuri = "pem:b"\npin-source = "env:A"\n[keys.c]\nuri = 3\n')
    config.chmod(0o600)
    words = {"SIGNED": signed, "PLAIN": plain, "UID": result.uid, "OUT": tmp_path / "out", "NOWHERE": tmp_path / "none"}
    words |= {"CONFIG": config, "REPORT": report, "FOLDER": folder}
    arguments = [str(words.get(word, word)) for word in line.split()]
    if line in ("sign", "sign --dry-run"):
        arguments += [str(plain), str(tmp_path / "out")]
    if line.startswith("sign"):
        arguments += ["--key", key]
    main([*arguments, "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["document"] == COMMANDS[line]
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
