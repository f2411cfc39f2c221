"""Rules as text: read, written, and refused."""

from __future__ import annotations

import pytest

from dcmseal import Rule
from dcmseal.errors import UsageError
from dcmseal.terms import SignaturePurpose
from tests.support import tags as t


@pytest.mark.parametrize(
    "rule",
    [
        *(
            "",
            " ",
            "+",
            "purpose:",
            "purpose:nothing",
            "purpose:19",
            "purpose:author + purpose:review",
            "signer:Example",
        ),
        *(
            "signer:",
            "signer:CN=",
            "certificate:12",
            "certificate:" + "x" * 64,
            "covers:Nothing",
            "covers:",
            "profile:",
        ),
        *("covers:00020010", "covers:DigitalSignaturesSequence", "purposes:author", "base-rsa +", "x" * 5000),
    ],
)
def test_no_rules(rule: str) -> None:
    with pytest.raises(UsageError) as caught:
        Rule.parse(rule)
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["purpose:", "signer:", "certificate:", "covers:", "secret:"])
def test_invalid_input_is_not_repeated(kind: str) -> None:
    with pytest.raises(UsageError) as caught:
        Rule.parse(f"{kind}hunter2")
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_a_typo_gets_a_hint() -> None:
    with pytest.raises(UsageError) as caught:
        Rule.parse("singer:CN=a")
    assert "did you mean signer?" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a + b", Rule(profiles=("a", "b"))),
        ("C:\\rules\\ours.toml", Rule(profiles=("C:\\rules\\ours.toml",))),
        ("signer:CN=a+O=b + timestamp", Rule(signers=frozenset({"CN=a+O=b"}), timestamp=True)),
        ("signer:CN=a\\+purpose:b", Rule(signers=frozenset({"CN=a\\+purpose:b"}))),
        ("signer:CN=this or that or CN=b", Rule(signers=frozenset({"CN=this or that", "CN=b"}))),
        ("profile:timestamp", Rule(profiles=("timestamp",))),
        ("purpose:Co-participant's Signature", Rule(purposes=frozenset({SignaturePurpose.CO_PARTICIPANT}))),
        ("covers:PatientID, 00100010", Rule(covered=frozenset({t.PATIENT_NAME, t.PATIENT_ID}))),
    ],
)
def test_rules_are_read_and_written(text: str, rule: Rule) -> None:
    assert Rule.parse(text) == rule
    if "profile:" not in text:
        assert Rule.parse(str(rule)) == rule
