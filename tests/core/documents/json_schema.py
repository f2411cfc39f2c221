"""JSON documents, read back and held against the schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

import dcmseal
from dcmseal.documents.json_types import Document
from tests.support.pki import Identity
from tests.support.real_files import real_file

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "reference" / "report.schema.json").read_text("utf-8"))


@cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMA)


def load_document(document: Document) -> Any:
    """The document after a round trip through UTF-8, and valid."""
    content = json.loads(json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8"))
    kind = {"$ref": f"#/$defs/{content['document']}"}
    # check the declared kind only: its failures are clearer than those of oneOf
    jsonschema.Draft202012Validator({**SCHEMA, "oneOf": [kind]}).validate(content)
    validator().validate(content)
    return content


def signer_uri(signer: Identity) -> str:
    return f"pem:{signer.key_pem}?cert={signer.certificate_pem}"


def sign_sample(name: str, signer: Identity, **options: Any) -> bytes:
    data = dcmseal.sign(real_file(name).data, key=signer_uri(signer), **options).data
    assert data is not None
    return data


def listed_tags(elements: list[dict[str, str]]) -> list[int]:
    return [int(element["tag"], 16) for element in elements]
