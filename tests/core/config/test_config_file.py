"""The configuration file: what it may say, and that nothing else passes; what looks like a secret is never repeated."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal.config.config_file import examine_config, load_config
from dcmseal.config.config_problems import ConfigProblem, ProblemCollector
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import UsageError
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.terms import MacAlgorithm, SignaturePurpose

SECRET = "739154"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DCMSEAL_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return tmp_path / "config.toml"


def write(file: Path, text: str | bytes, mode: int = 0o600) -> Path:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)
    return file


def problems_of(file: Path, text: str) -> list[ConfigProblem]:
    return list(examine_config(write(file, text))[1])


def test_everything_a_setup_may_say(file: Path) -> None:
    write(
        file,
        """
        [keys.reading-room]
        uri = "pkcs11:token=reading-room;object=sign?module-path=/usr/lib/card.so"
        cert = "certs/my card.pem"
        chain = "~/chain.pem"
        profile = "base-rsa"
        algorithm = "sha384"
        purpose = "co-participant"
        pin-source = "env:CARD_PIN"

        [profiles]
        folder = "profiles"
        """,
    )
    config = dcmseal.load_config(file)
    setup = config.key_setup("reading-room")
    folder = file.parent
    assert (config.path, config.profiles_folder) == (file, folder / "profiles")
    assert setup.files == (folder / "certs/my card.pem", Path("~/chain.pem").expanduser())
    assert KeyUri.parse(setup.uri).body == "token=reading-room;object=sign"
    assert KeyUri.parse(setup.uri).attributes == {
        "module-path": "/usr/lib/card.so",
        "cert": str(setup.files[0]),
        "chain": str(setup.files[1]),
    }
    assert (setup.profile, setup.algorithm) == ("base-rsa", MacAlgorithm.SHA384)
    assert setup.purpose is SignaturePurpose.CO_PARTICIPANT
    assert setup.pin_source == PinSource(kind=PinKind.ENVIRONMENT, name="CARD_PIN")


def test_names_with_special_characters_reach_the_backend(file: Path) -> None:
    setup = load_config(write(file, '[keys.a]\nuri = "pem:a"\ncert = "50% of?&.pem"')).key_setup("a")
    assert KeyUri.parse(setup.uri).attributes["cert"] == str(file.parent / "50% of?&.pem")


def test_a_setup_goes_to_other_processes_and_takes_no_pin_along(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARD_PIN", SECRET)
    setup = load_config(write(file, '[keys.a]\nuri = "pem:a"\npin-source = "env:CARD_PIN"')).key_setup("a")
    pickled = pickle.dumps(setup)
    assert pickle.loads(pickled) == setup
    assert SECRET.encode() not in pickled
    assert SECRET not in repr(setup)


def test_a_setup_answers_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARD_PIN", SECRET)
    config = load_config(write(file, '[keys.a]\nuri = "pem:a"\npin-source = "env:CARD_PIN"\n[keys.b]\nuri = "pem:b"'))
    first, second = (SecretRequest(purpose="card", uri="pem:a", attempt=attempt) for attempt in (1, 2))
    assert [config.key_setup("a").secrets(each) for each in (first, second)] == [SECRET, None]
    assert config.key_setup("b").secrets(first) is None


def test_a_pin_file_that_others_can_read_is_warned_of(file: Path) -> None:
    write(file.with_name("pin"), f"{SECRET}\n", 0o644)
    setup = load_config(write(file, '[keys.a]\nuri = "pem:a"\npin-source = "file:pin"')).key_setup("a")
    with pytest.warns(UserWarning, match="others can read"):
        assert setup.secrets(SecretRequest(purpose="card", uri="pem:a")) == SECRET


def test_a_missing_file_at_the_default_path_is_accepted(file: Path) -> None:
    config = load_config()
    assert (config.path, dict(config.keys), config.profiles_folder) == (None, {}, None)
    with pytest.raises(UsageError, match="'card' is not a key URI") as caught:
        config.key_setup("card")
    assert str(file.parent / "home" / "dcmseal" / "config.toml") in caught.value.hint


def test_the_usual_place_is_read(file: Path) -> None:
    place = file.parent / "home" / "dcmseal"
    place.mkdir(parents=True)
    write(place / "config.toml", '[keys.card]\nuri = "pem:a"')
    assert list(load_config().keys) == ["card"]


def test_the_environment_names_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMSEAL_CONFIG", str(write(file, '[keys.card]\nuri = "pem:a"')))
    assert load_config().key_setup("card").uri == "pem:a"
    monkeypatch.setenv("DCMSEAL_CONFIG", os.devnull)
    assert not load_config().keys
    monkeypatch.setenv("DCMSEAL_CONFIG", str(file.with_name("none")))
    with pytest.raises(UsageError, match="No such file"):
        load_config()


def test_a_setup_that_is_not_there(file: Path) -> None:
    config = load_config(write(file, '[keys.reading-room]\nuri = "pem:a"'))
    with pytest.raises(UsageError, match=r"no \[keys.readingroom\]") as caught:
        config.key_setup("readingroom")
    assert "did you mean reading-room?" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "where", "line", "said"),
    [
        ("[key.a]", "key", 1, "did you mean keys?"),
        ("\n[pkcs11.a]\nmodule = 1", "pkcs11", 2, "use one of: keys, trust, policies, profiles"),
        ("keys = 3", "keys", 1, "write [keys]"),
        ("[keys]\na = 'pem:a'", "keys.a", 2, "write [keys.a]"),
        ("[keys.a]\nuri = 'pem:a'\nPin_Source = 'env:A'", "keys.a.Pin_Source", 3, "did you mean pin-source?"),
        ("[keys.a]\nuri = 'pem:a'\nuir = 'x'", "keys.a.uir", 3, "did you mean uri?"),
        ("[keys.a]\ncert = 'x'", "keys.a.uri", 1, 'uri = "SCHEME'),
        ("[keys.a]\nuri = 3", "keys.a.uri", 2, 'uri = "..."'),
        ("[keys.a]\nuri = ''", "keys.a.uri", 2, 'uri = "..."'),
        ("[keys.a]\nuri = 'signer.pem'", "keys.a.uri", 2, "SCHEME:PATH"),
        ('[keys.a]\nuri = "pem:a\\nb"', "keys.a.uri", 2, "one line"),
        ("[keys.a]\nuri = 'pem:a?cert=b'\ncert = 'c'", "keys.a.cert", 3, "remove one"),
        ("[keys.a]\nuri = 'card:?pin-source=file:b'\npin-source = 'env:A'", "keys.a.pin-source", 3, "remove one"),
        ("[keys.a]\nuri = 'pem:a'\nalgorithm = 'SHA3'", "keys.a.algorithm", 3, "SHA256"),
        ("[keys.a]\nuri = 'pem:a'\npurpose = 'reviw'", "keys.a.purpose", 3, "did you mean review?"),
        ("[keys.'a b']\nuri = 'pem:a'", "keys.a b", 1, "letters, digits"),
        ("[keys]\n  a.uri = 'pem:a'\n  a.x = 1", "keys.a.x", 3, "use one of: uri"),
        ("[keys]\na = { uri = 'pem:a', x = 1 }", "keys.a.x", 2, "use one of: uri"),
        ("[[keys]]\nuri = 'pem:a'", "keys", 1, "write [keys]"),
        ("[profiles]\nfolder = 1", "profiles.folder", 2, 'folder = "..."'),
        ("[profiles]\nfolders = 'x'", "profiles.folders", 2, "did you mean folder?"),
        ("x = '''\n[keys.b]\n'''\n[keys.b]\nuri = 1", "keys.b.uri", 5, 'uri = "..."'),
    ],
)
def test_an_invalid_entry_is_a_problem_with_its_line(file: Path, text: str, where: str, line: int, said: str) -> None:
    problem = next(each for each in problems_of(file, text) if each.where == where)
    assert problem.line == line
    assert said in problem.hint
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert str(caught.value).startswith(f"{file}, line ")


@pytest.mark.parametrize(
    "line",
    [
        f"pin = '{SECRET}'",
        f"pin = {SECRET}",
        f"Passphrase = '{SECRET}'",
        f"so_pin = '{SECRET}'",
        f"pin-source = '{SECRET}'",
        f"pin-source = {SECRET}",
        f"pin-source = 'env:{SECRET}'",
        f"pin-source = 'file:{SECRET}'",
        f"pin-source = 'keyring:{SECRET}'",
        f"pin-source = 'pin:{SECRET}'",
        f"uri = 'card:token=a?pin-value={SECRET}'",
        f"uri = 'card:token=a;pin-value={SECRET}'",
        f"uri = 'card:token=a?p%69n={SECRET}'",
        f"cert = '-----BEGIN PRIVATE KEY-----{SECRET}'",
        f"[keys.a.pin]\nvalue = '{SECRET}'",
        f"[pin]\nvalue = '{SECRET}'",
        f"[keys.password]\nuri = '{SECRET}'",
        f"algorithm = '{SECRET}'",
        f"purpose = '{SECRET}'",
        f"uri = 3\nuri = {SECRET}",
        f"pin-source = {SECRET}x",
        f'pin-source = "{SECRET}',
    ],
)
def test_a_likely_secret_is_refused_and_not_repeated(file: Path, line: str) -> None:
    uri = "" if line.startswith("uri") else "uri = 'pem:a'\n"
    with pytest.raises(UsageError) as caught:
        load_config(write(file, f"[keys.a]\n{uri}{line}\n"))
    assert SECRET not in str(caught.value) + caught.value.hint + repr(caught.value.__context__)
    try:
        config, problems = examine_config(file)
    except UsageError:
        return  # it is not TOML
    assert SECRET not in repr(config) + repr(problems)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe[\0", "UTF-8"),
        (b"keys\n", "is not valid TOML at line 1, column 5"),
        (b"a = 1\na = 2", "is not valid TOML"),
        (b"a = " + b"[\n" * 30_000, "not valid TOML|nested too deeply"),
        (b"a." * 500 + b"a = 1", "line 1 has more than 1000 characters"),
        (b"#\n" * ((1 << 15) + 1), "larger than 64 KiB"),
        (b"-----BEGIN PRIVATE KEY-----\n", "is not valid TOML"),
    ],
    ids=str,
)
def test_invalid_configurations(file: Path, content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_config(write(file, content))


def test_a_byte_order_mark_is_accepted(file: Path) -> None:
    assert load_config(write(file, b"\xef\xbb\xbf[keys.a]\nuri = 'pem:a'")).key_setup("a").uri == "pem:a"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_a_file_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    write(file, "[keys.a]\nuri = 'pem:a'", mode)
    with pytest.raises(UsageError, match="others can write") as caught:
        load_config(file)
    assert "chmod go-w" in caught.value.hint


def test_a_file_that_others_can_read_is_none_of_their_secrets(file: Path) -> None:
    assert load_config(write(file, "[keys.a]\nuri = 'pem:a'", 0o644)).key_setup("a").uri == "pem:a"


def test_a_file_of_another_user_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, "[keys.a]\nuri = 'pem:a'")
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    if file.stat().st_uid == 0:
        os.chown(file, 12_345, 12_345)
    with pytest.raises(UsageError, match="belongs to another user"):
        load_config(file)


@pytest.mark.parametrize(
    "text",
    [
        "[keys.a]\nuri = 'pem:a'\ncert = '{}'",
        "[keys.a]\nuri = 'pem:a'\nchain = '{}'",
        "[keys.a]\nuri = 'pem:{}'",
        "[keys.a]\nuri = 'pem:a?cert={}'",
        "[keys.a]\nuri = 'pkcs11:token=a?module-path={}'",
        "[keys.a]\nuri = 'pkcs11:?module-path={}'",
        "[keys.a]\nuri = 'pem:a'\nprofile = '{}'",
        "[trust.a]\nanchors = ['{}']",
        "[trust.a]\nintermediates = ['{}']",
        "[trust.a]\ncrls = '{}'",
        "[trust.a]\nocsp-responses = ['{}']",
        "[policies.a]\nrequire = ['{}']",
        "[profiles]\nfolder = '{}'",
    ],
)
def test_files_that_it_names_must_not_be_writable_by_others(file: Path, tmp_path: Path, text: str) -> None:
    """A file that they can write, one in a folder that they can write, and a folder with such a file."""
    named = tmp_path / "named" / "file.toml"
    named.parent.mkdir()
    named.write_text("name = 'ours'")
    write(file, text.format(named.parent if "folder =" in text else named))
    assert not examine_config(file)[1]
    for wrong, mode in ((named, 0o666), (named.parent, 0o777)):
        right = wrong.stat().st_mode
        wrong.chmod(mode)
        (problem,) = examine_config(file)[1]
        assert "others can write" in problem.message
        assert "chmod go-w" in problem.hint
        assert problem.line
        with pytest.raises(UsageError, match="others can write"):
            load_config(file)
        wrong.chmod(right)


def test_a_trust_folder_must_not_contain_files_of_other_users(file: Path, tmp_path: Path) -> None:
    crls = tmp_path / "crls"
    crls.mkdir()
    (crls / "a.crl").write_bytes(b"")
    write(file, "[trust.a]\ncrls = 'crls'")
    assert load_config(file).trust_setup("a").crls == (str(crls),)
    (crls / "a.crl").chmod(0o620)
    with pytest.raises(UsageError, match=r"others can write .*a\.crl"):
        load_config(file)


def test_a_folder_is_not_accepted_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(tmp_path)


LINES = ("[keys.a]", "[keys]", "[profiles]", "uri = 'pem:a'", "pin = 1", "a.b = {c = 1}", "'''", "[[keys]]", "= 1")


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=40)))
def test_any_text_is_a_configuration_or_refused(lines: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder, "config.toml"), "\n".join(lines).encode("utf-8", "replace"))
        try:
            config, problems = examine_config(path)
        except UsageError:
            return  # and no other error
        assert all(each.hint for each in problems)
        assert all(KeyUri.parse(each.uri) for each in config.keys.values())


@given(st.text(max_size=200))
def test_line_numbers_of_any_text(text: str) -> None:
    problems = ProblemCollector(text)
    problems.add(("keys", "a"), "message", "hint")
    (problem,) = problems.sorted_by_line()
    assert 0 <= problem.line <= len(text.splitlines())
