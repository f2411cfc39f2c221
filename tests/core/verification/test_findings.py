"""Every finding that verification knows, provoked: by editing real signed files, or by signing wrongly by hand."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

import dcmseal.verification
from tests.core.verification.finding_cases import CASES, INVALID, PASSED, VALID
from tests.core.verification.test_unsigned_content import CASES as CARRIED
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.signed_files import finding_outcomes, sign_dataset, verify_integrity


@pytest.mark.parametrize("code", CASES)
def test_every_finding_is_provoked(code: str, pki: Pki) -> None:
    case = CASES[code]
    report = verify_integrity(case.make(pki))
    assert finding_outcomes(report).get(code) is case.outcome
    assert report.verdict is case.verdict


MODULES: Final = (
    *("certificate_validity", "conformance", "integrity", "level_coverage", "mac_binding", "mac_variants"),
    *("nonstandard_signatures", "checks", "profile_checks", "../macro/read"),
)


def test_no_finding_is_forgotten() -> None:
    """The modules that make findings hold no other text of that form."""
    shape = re.compile(r"[a-z]+(-[a-z]+)+")
    folder = Path(dcmseal.verification.__file__).parent
    found = {
        node.value
        for name in MODULES
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and shape.fullmatch(node.value)
    }
    elsewhere = {code for _, code, _, _ in CARRIED.values()} | {
        "weak-key",
        "key-too-small",
        "too-many-lists",
        "trust-not-checked",
    }
    of_structure = {"ambiguous-encoding", "file-syntax-unknown", "length-malformed", "unknown-vr", "disordered"}
    assert found | of_structure == {*CASES, *elsewhere, "profile-met"}


def test_the_profile_that_is_required(pki: Pki) -> None:
    for name, outcome, verdict in (("rsa2048", PASSED, VALID), ("p256", None, INVALID)):
        report = verify_integrity(sign_dataset(b.file(b.image()), pki[name]), require=["base-rsa"])
        assert finding_outcomes(report).get("profile-met") is outcome
        assert report.verdict is verdict
        assert [each.code for each in report.unmet] == ([] if outcome else ["profile-not-met"])
