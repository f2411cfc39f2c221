"""``sign_many`` and ``verify_many`` take the options of ``sign`` and ``verify`` with the same meaning."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal import Policy, ReferenceFolders, Registry, Rule, SignOptions, TimestampRequest, VerifyOptions, tags
from dcmseal.config.pin_source import PinSource, StoredSecret
from dcmseal.errors import TimestampError, UsageError
from dcmseal.plugins.registry import installed_registry
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.plugins.trust import TrustSettings
from dcmseal.terms import MacAlgorithm, SignaturePurpose
from dcmseal.verification.verification_options import TimestampMode
from tests.support import builder as b
from tests.support import tags as t
from tests.support.cited_evidence import make_citation, make_document, make_evidence_sequence
from tests.support.pki import Pki
from tests.support.wrong_types import wrong_type

Tree = Callable[..., Path]
NO_AUTHORITY = "http://127.0.0.1:9/"


class TestSignOptions:
    def test_lenient_values_become_strict_ones(self, tmp_path: Path) -> None:
        options = SignOptions(
            location="BeamSequence[0]",
            tags=["PatientID", "(0010,0010)", t.MODALITY],
            algorithm="sha512",
            purpose="Verification Signature",
            references=str(tmp_path),
            timestamp=NO_AUTHORITY,
        )
        assert str(options.location) == "BeamSequence[0]"
        assert options.tags == (t.PATIENT_ID, t.PATIENT_NAME, t.MODALITY)
        assert options.algorithm is MacAlgorithm.SHA512
        assert options.purpose is SignaturePurpose.VERIFICATION
        assert options.references == ReferenceFolders([tmp_path])
        assert options.timestamp == TimestampRequest(urls=(NO_AUTHORITY,))

    def test_they_are_values(self, tmp_path: Path) -> None:
        options = SignOptions(tags="PatientID", references=tmp_path, timestamp=[NO_AUTHORITY], profile="base-rsa")
        assert pickle.loads(pickle.dumps(options)) == options
        assert options == SignOptions(
            **{name: getattr(options, name) for name in ("tags", "references", "timestamp", "profile")}
        )
        assert options != SignOptions()
        with pytest.raises(AttributeError, match="immutable"):
            options.tags = None  # type: ignore[misc] # the test assigns to a frozen value

    def test_repr_shows_values_that_are_not_defaults(self) -> None:
        assert repr(SignOptions()) == "SignOptions()"
        assert (
            repr(SignOptions(only_required=True, profile="none")) == "SignOptions(only_required=True, profile='none')"
        )

    def test_keywords_replace_those_of_given_options(self, image: bytes, key: str) -> None:
        options = SignOptions(tags="PatientID", purpose=1)
        assert options.replace(purpose=5) == SignOptions(tags="PatientID", purpose=5)
        result = dcmseal.sign(image, key=key, options=options, purpose=5)
        assert result.signature.purpose is not None
        assert result.signature.purpose.value == "5"
        assert result.signature.mac is not None
        assert result.signature.mac.elements == (t.PATIENT_ID,)

    @pytest.mark.parametrize("purpose", [5, "5", "verification", "VERIFICATION", "Verification Signature"])
    def test_purposes_are_read_in_one_way(self, purpose: int | str) -> None:
        assert SignOptions(purpose=purpose).purpose is SignaturePurpose.VERIFICATION

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("location", 3),
            ("tags", 1.5),
            ("tags", "PatientNaem"),
            ("only_required", "yes"),
            ("profile", 3),
            ("algorithm", "SHA3"),
            ("algorithm", 256),
            ("transfer_syntax", 5),
            ("purpose", "fun"),
            ("purpose", 1.5),
            ("padding", "none"),
            ("references", "nowhere"),
            ("timestamp", []),
            ("allow_weak", None),
        ],
    )
    def test_invalid_options_are_refused_at_once(self, name: str, value: Any) -> None:
        with pytest.raises(UsageError):
            SignOptions(**{name: value})

    def test_an_unknown_keyword_is_an_error_of_the_program(self, image: bytes, key: str) -> None:
        with pytest.raises(TypeError, match="Unexpected keyword argument 'tag'"):
            dcmseal.sign(image, key=key, tag="PatientID")  # type: ignore[call-arg] # the keyword does not exist


class TestVerifyOptions:
    def test_lenient_values_become_strict_ones(self, tmp_path: Path) -> None:
        options = VerifyOptions(
            location="main",
            require="base-rsa",
            timestamp="require",
            timestamp_certificates=b"DER",
            references=[tmp_path],
        )
        assert str(options.location) == "main"
        assert options.policy == Policy(rules=(Rule(profiles=("base-rsa",)),))
        assert options.timestamp is TimestampMode.REQUIRE
        assert options.timestamp_certificates == (b"DER",)
        assert options.references == ReferenceFolders([tmp_path])

    def test_rules_are_added_to_the_policy(self) -> None:
        policy = Policy(signatures=2)
        options = VerifyOptions(policy=policy, require=["purpose:5", Rule(timestamp=True)])
        assert options.policy is not None
        assert (options.policy.signatures, len(options.policy.rules)) == (2, 2)
        assert options.policy.rules[0].purposes == frozenset({SignaturePurpose.VERIFICATION})
        assert options.replace(uid="1.2").policy == options.policy

    def test_they_are_values_and_show_no_certificates(self) -> None:
        options = VerifyOptions(trust=TrustSettings(anchors=("root.pem",)), timestamp_certificates=[b"DER" * 1000])
        assert pickle.loads(pickle.dumps(options)) == options
        assert "DER" not in repr(options)
        assert len(repr(VerifyOptions(timestamp_certificates=[b"DER" * 1000]))) < 80

    @pytest.mark.parametrize(
        ("keywords", "says"),
        [
            ({"trust": "hospital"}, "trust must be TrustSettings"),
            ({"policy": "release"}, "policy must be a Policy"),
            ({"timestamp": "sometimes"}, "unknown timestamp mode"),
            ({"timestamp": "ignore", "require": "timestamp"}, "requires timestamps"),
            ({"uid": 5}, "uid"),
            ({"location": "Beam"}, "does not name an item"),
            ({"integrity_only": 1}, "integrity_only must be True or False"),
            ({"require": 5}, "require"),
        ],
    )
    def test_invalid_options_are_refused_at_once(self, keywords: dict[str, Any], says: str) -> None:
        with pytest.raises(UsageError, match=says):
            VerifyOptions(**keywords)
        with pytest.raises(UsageError, match=says):
            dcmseal.verify_many([], **keywords)

    def test_the_hint_for_a_name_of_the_configuration_is_python(self) -> None:
        with pytest.raises(UsageError) as caught:
            dcmseal.verify("signed.dcm", trust=wrong_type("hospital"))
        assert caught.value.hint == "load it from the configuration: trust=load_config().trust_setup(NAME)"

    def test_options_may_be_given_as_one_value(self, signed: bytes, tree: Tree) -> None:
        options = VerifyOptions(integrity_only=True)
        assert dcmseal.verify(signed, options=options).verdict.value == "valid"
        assert [each.verdict for each in dcmseal.verify_many(tree({"a": signed}), options=options)] == ["valid"]


def _signed_elements(result: Any) -> tuple[int, ...]:
    """The elements that the new signature covers."""
    elements: tuple[int, ...] = result.signature.mac.elements
    return elements


class TestOneValueForSeveral:
    def test_one_tag_is_not_taken_letter_by_letter(self, image: bytes, key: str, tree: Tree) -> None:
        assert _signed_elements(dcmseal.sign(image, key=key, tags="PatientName")) == (t.PATIENT_NAME,)
        folder = tree({"a": image})
        (result,) = dcmseal.sign_many(str(folder), key=key, in_place=True, tags="PatientName", skip_signed="any")
        assert _signed_elements(result.value) == (t.PATIENT_NAME,)
        assert [each.verdict for each in dcmseal.sign_many(folder, key=key, in_place=True, skip_signed="any")] == [
            "skipped"
        ]

    def test_one_uid_of_a_signature_to_remove(self, signed: bytes) -> None:
        (signature,) = dcmseal.signatures(signed)
        assert len(dcmseal.remove(signed, uids=signature.uid).removed) == 1


class TestManyFilesLikeOne:
    def test_one_timestamp_authority(self, image: bytes, key: str, tree: Tree) -> None:
        with pytest.raises(TimestampError):
            dcmseal.sign(image, key=key, timestamp=NO_AUTHORITY)
        (result,) = dcmseal.sign_many([tree({"a": image})], key=key, in_place=True, timestamp=NO_AUTHORITY)
        assert isinstance(result.error, TimestampError)

    @pytest.mark.parametrize("as_list", [False, True])
    def test_one_folder_of_references(self, key: str, tree: Tree, image: bytes, *, as_list: bool) -> None:
        uid = "1.2.3.4.1"
        study = tree({"first.dcm": image}, "study")
        document = b.file(
            make_document(
                make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(uid))
            )
        )
        folder = tree({"report": document})
        references = [str(study)] if as_list else str(study)
        (result,) = dcmseal.sign_many([folder], key=key, in_place=True, references=references)
        assert result.reason.startswith("instance 1.2.3.4.1 is not in the folders")

    @pytest.mark.parametrize("name", ["manifest", "evidence", "keep_evidence"])
    def test_verify_many_refuses_options_for_a_single_file(self, name: str) -> None:
        keywords: dict[str, Any] = {name: True}
        with pytest.raises(UsageError, match=f"verify_many does not take {name}") as caught:
            dcmseal.verify_many([], **keywords)
        assert "verify()" in caught.value.hint

    @pytest.mark.parametrize("name", ["manifest", "uid", "output"])
    def test_sign_many_refuses_options_for_a_single_file(self, name: str, key: str) -> None:
        keywords: dict[str, Any] = {name: "x"}
        with pytest.raises(UsageError, match=f"sign_many does not take {name}"):
            dcmseal.sign_many([], key=key, in_place=True, **keywords)

    @pytest.mark.parametrize("jobs", [0, -1])
    def test_fewer_than_one_process_is_refused(self, key: str, jobs: int) -> None:
        with pytest.raises(UsageError, match=f"jobs must be at least 1, not {jobs}"):
            dcmseal.verify_many([], jobs=jobs)
        with pytest.raises(UsageError, match="jobs must be at least 1"):
            dcmseal.sign_many([], key=key, in_place=True, jobs=jobs)
        with pytest.raises(UsageError, match="jobs must be at least 1"):
            dcmseal.run_task([], dcmseal.VerifyTask(), jobs=jobs)

    def test_a_policy(self, signed: bytes, tree: Tree) -> None:
        results = dcmseal.verify_many([tree({"a": signed})], integrity_only=True, policy=Policy(signatures=2))
        assert [each.verdict for each in results] == ["invalid"]

    def test_opened_trust(self, signed: bytes, tree: Tree, pki: Pki) -> None:
        trust = dcmseal.open_trust(TrustSettings(anchors=(str(pki["p256"].certificate_pem),)))
        assert [each.verdict for each in dcmseal.verify_many([tree({"a": signed})], trust=trust)] == ["valid"]

    def test_plugins_of_an_application_work_in_this_process(
        self, signed: bytes, image: bytes, key: str, tree: Tree
    ) -> None:
        """They cannot be sent to others, so a pool is not used by itself, and refused if it is asked for."""
        none = Registry.from_plugins()
        folder = tree({f"{number}": signed for number in range(600)})
        results = list(dcmseal.verify_many([folder], integrity_only=True, registry=none))
        assert {each.verdict for each in results} == {"valid"}
        with pytest.raises(UsageError, match="cannot be sent to other processes"):
            list(dcmseal.verify_many([folder], integrity_only=True, registry=none, jobs=2))
        (result,) = dcmseal.sign_many(
            [tree({"x": image}, "other")], key=key, in_place=True, registry=installed_registry()
        )
        assert result.verdict == "signed"

    def test_the_installed_plugins_and_profile_folders_can_be_sent(self, tmp_path: Path) -> None:
        (tmp_path / "ours.toml").write_text('name = "ours"\npurposes = [5, "review", "Consent Signature"]\n')
        registry = installed_registry().with_profile_folder(str(tmp_path))
        assert pickle.loads(pickle.dumps(registry)).profile("ours").name == "ours"


class TestOutputs:
    def test_an_existing_output_stays(self, image: bytes, key: str, tmp_path: Path) -> None:
        output = tmp_path / "out.dcm"
        output.write_bytes(b"old")
        for call in (
            lambda: dcmseal.sign(image, key=key, output=output),
            lambda: dcmseal.sign(image, key=key, output=tmp_path / "new.dcm", manifest=output),
            lambda: dcmseal.remove(image, output=str(output)),
        ):
            with pytest.raises(UsageError, match="exists") as caught:
                call()
            assert "overwrite=True" in caught.value.hint
            assert "--" not in caught.value.hint
        assert output.read_bytes() == b"old"
        assert sorted(tmp_path.iterdir()) == [output]
        dcmseal.sign(image, key=key, output=output, overwrite=True)
        assert len(dcmseal.signatures(output)) == 1


def test_a_stored_secret_travels_as_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGIN", "user:password")
    secret = StoredSecret(PinSource.parse("env:LOGIN"))
    request = SecretRequest(purpose="login", uri="")
    assert secret(request) == "user:password"
    data = pickle.dumps(secret)
    assert b"password" not in data
    monkeypatch.setenv("LOGIN", "user:other")
    assert secret(request) == "user:password"
    assert pickle.loads(data)(request) == "user:other"
    assert secret(SecretRequest(purpose="login", uri="", attempt=2)) is None
