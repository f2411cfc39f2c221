"""Text that people write: UTF-8 in all its usual forms, and nothing else, with the line that is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from dcmseal.config.config_file import load_config
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import ProfileFileError, SealError, UsageError
from dcmseal.input_files import open_input
from dcmseal.plugins.registry import Registry
from dcmseal.text import TextProblem, decode_text, load_first_line, load_text

UTF_16 = "line 1 is in UTF-16, not in UTF-8"
FOREIGN = [
    ("PatientID\n".encode("utf-16"), UTF_16),
    (b"\xfe\xff" + "PatientID\n".encode("utf-16-be"), UTF_16),
    ("PatientID\n".encode("utf-16-le"), "line 1 contains a NUL"),
    ("PatientID\n".encode("utf-32"), "line 1 is in UTF-32"),
    (b"PatientID\nPatient\0Name\n", "line 2 contains a NUL"),
    (b"# Gr\xfc\xdfe\nPatientID", "line 1 is not in UTF-8"),
    (b"PatientID\n\xc3", "line 2 is not in UTF-8"),
    (b"PatientID\n\xed\xa0\x80", "line 2 is not in UTF-8"),
    (b"PatientID\rPatientName\r", "line 1 contains a carriage return without line feed"),
]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_input_that_is_text(mark: bytes, end: bytes) -> None:
    data = mark + end.join(["Müller".encode(), "a\x0bb\x85c\u2028d".encode(), b""])
    assert decode_text(data, "list") == "Müller\na\x0bb\x85c\u2028d\n"


@pytest.mark.parametrize(("data", "said"), FOREIGN, ids=str)
def test_input_that_is_not_text(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "list"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=f"^{path}, {said}") as caught:
        load_text(path, 1000)
    assert caught.value.hint
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("data", "said"), FOREIGN, ids=str)
def test_all_that_is_read_as_text_is_read_alike(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "file.toml"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=said):
        load_config(path)
    with pytest.raises(ProfileFileError, match=said):
        Registry.from_plugins().profile(str(path))
    if "line 1" in said:
        found = load_first_line(path, 1000)
        assert isinstance(found, TextProblem)
        assert said.startswith(found.message) or found.message.startswith(said)
        with pytest.raises(UsageError, match=said):
            PinSource(kind=PinKind.FILE, name=str(path)).read("", lambda _: None)


@pytest.mark.parametrize("data", [b"secret", b"secret\nmore", b"secret\r\n\xff", b"\xef\xbb\xbfsecret\n"])
def test_the_first_line_is_the_secret(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "pin").write_bytes(data)
    (tmp_path / "pin").chmod(0o600)
    assert PinSource(kind=PinKind.FILE, name=str(tmp_path / "pin")).read("", pytest.fail) == "secret"


def test_a_variable_that_is_not_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", os.fsdecode(b"\xfc"))
    with pytest.raises(UsageError, match="not valid UTF-8"):
        PinSource(kind=PinKind.ENVIRONMENT, name="SECRET").read("", pytest.fail)


@pytest.mark.parametrize(
    "text",
    [
        'name="x"\nkey_bits={RSA=' + "1" * 5000 + "}\n",
        'name="x"\n' + ".".join(["a"] * 20_000) + "=1\n",
        'name="x"\n' + ".".join(["a"] * 500_000) + "=1\n",
        "[" + ".".join(["a"] * 20_000) + "]\n",
        "a=" + "[" * 900 + "\n" + "[" * 900,
        "a=1\n" * 20_000,
        "name=\n",
        'name="x"\nname="y"\n',
        "a=0001\n",
        "a=2024-13-41\n",
    ],
    ids=lambda text: str(text[:20]),
)
def test_profiles_have_the_limits_of_the_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    path.chmod(0o600)
    registry = Registry.from_plugins().with_profile_folder(str(tmp_path))
    for read in (load_config, lambda path: Registry.from_plugins().profile(str(path))):
        with pytest.raises(
            SealError, match=r"is not valid TOML|more than 1000 char|nested too deeply|larger than 64 KiB"
        ):
            read(path)
    assert [each.problem != "" for each in registry.plugins()] == [True]


def test_a_pipe_is_read_when_it_has_a_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TimeoutError, match="no program opened"):
        open_input(pipe, timeout=0.05)
    writer = Thread(target=lambda: pipe.write_bytes(b"at last"))
    writer.start()
    with open_input(pipe, timeout=60) as file:
        assert file.read() == b"at last"
    writer.join()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/random"])
def test_devices_are_not_read(device: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - the message for a missing terminal depends on the system
        open_input(device)
    with open_input(os.devnull) as file:
        assert file.read() == b""
