"""DCMTK's dcmsign and dcmconv as functions: the independent implementation the tests compare with."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest

Mac: TypeAlias = Literal["RIPEMD160", "SHA1", "MD5", "SHA256", "SHA384", "SHA512"]
Profile: TypeAlias = Literal["none", "base", "creator", "auth", "sr", "srv"]
Required: TypeAlias = Literal["signature", "creator", "auth", "sr", "timestamp"]
OutputSyntax: TypeAlias = Literal["same", "explicit", "big", "implicit", "deflated"]

_MAC: Final = {"RIPEMD160": "+mr", "SHA1": "+ms", "MD5": "+mm", "SHA256": "+m2", "SHA384": "+m3", "SHA512": "+m5"}
_PROFILE: Final = {"none": "-pf", "base": "+pb", "creator": "+pc", "auth": "+pa", "sr": "+pr", "srv": "+pv"}
_REQUIRE: Final = {"signature": "+rg", "creator": "+rc", "auth": "+ru", "sr": "+rs", "timestamp": "+tr"}
_SYNTAX: Final = {"same": "+t=", "explicit": "+te", "big": "+tb", "implicit": "+ti", "deflated": "+td"}

_SIGNATURE = re.compile(r"Signature #\d+ UID=(.*)")
_VERDICT = re.compile(r"Signature Verification\s*: (.*)")


class DcmtkError(RuntimeError):
    """The command failed; the message is its output."""


@dataclass(frozen=True, slots=True)
class DcmsignVerdict:
    """The answer of dcmsign about one signature."""

    uid: str
    message: str

    @property
    def ok(self) -> bool:
        return self.message == "OK"


@dataclass(frozen=True, slots=True)
class DcmsignResult:
    """Outcome of ``dcmsign --verify``: 0 is OK or none present, 20 unreadable, 100 none, 101 invalid, 102 policy."""

    returncode: int
    text: str
    signatures: tuple[DcmsignVerdict, ...]

    @property
    def ok(self) -> bool:
        """Whether there is a signature, and all are good."""
        return self.returncode == 0 and bool(self.signatures) and all(verdict.ok for verdict in self.signatures)


@dataclass(frozen=True, slots=True)
class Dcmtk:
    """The two programs, run with the public data dictionary only, so that private elements are UN everywhere."""

    dcmsign: str
    dcmconv: str

    def sign(
        self,
        source: Path,
        output: Path,
        key: Path,
        certificate: Path,
        *,
        mac: Mac = "SHA256",
        tags: Sequence[str | int] = (),
        item: str = "",
        profile: Profile = "none",
        purpose: int | None = None,
        dump: Path | None = None,
        syntax: OutputSyntax = "same",
        undefined_lengths: bool = False,
        old_format: bool = False,
        timestamp_query: tuple[Path, Path] | None = None,
    ) -> str:
        """Sign the main data set, or ``item`` (``Sequence[0].Sequence[1]``); returns the UID of the new signature.

        ``dump`` receives the MAC byte stream. ``timestamp_query`` names the query file and the UID file to write.
        Raises DcmtkError if dcmsign refuses.
        """
        arguments: list[str | Path] = ["--sign-item", key, certificate, item] if item else ["--sign", key, certificate]
        arguments += [_MAC[mac], _PROFILE[profile], _SYNTAX[syntax]]
        for tag in tags:
            arguments += ["--tag", tag if isinstance(tag, str) else f"{tag >> 16:04x},{tag & 0xFFFF:04x}"]
        arguments += ["+sp", str(purpose)] if purpose else []
        arguments += ["+d", dump] if dump else []
        arguments += ["-e"] if undefined_lengths else []
        arguments += ["-fo"] if old_format else []
        arguments += ["+ts", *timestamp_query] if timestamp_query else []
        before = set(self._uids(source))
        done = _run([self.dcmsign, *arguments, source, output])
        if done.returncode:
            raise DcmtkError(done.stdout)
        new = [uid for uid in self._uids(output) if uid not in before]
        if len(new) != 1:
            raise DcmtkError(f"expected one new signature, found {new}")
        return new[0]

    def verify(
        self,
        file: Path,
        *,
        trust: Sequence[Path] = (),
        untrusted: Sequence[Path] = (),
        crl: Sequence[Path] = (),
        require: Sequence[Required] = (),
        old_format: bool = False,
    ) -> DcmsignResult:
        """Verify all signatures of a file against trust anchors (PEM)."""
        arguments: list[str | Path] = ["--verify"]
        for option, paths in (("+cf", trust), ("+uf", untrusted), ("+cr", crl)):
            for path in paths:
                arguments += [option, path]
        arguments += [_REQUIRE[name] for name in require]
        arguments += ["-fo"] if old_format else []
        done = _run([self.dcmsign, *arguments, file])
        return DcmsignResult(done.returncode, done.stdout, _verdicts(done.stdout))

    def insert_timestamp(self, source: Path, output: Path, query: Path, response: Path, uid: Path) -> None:
        """Put the response of a timestamp authority into the signature named in the UID file."""
        self._convert([self.dcmsign, "--insert-timestamp", query, response, uid, source, output])

    def remove(self, source: Path, output: Path, uid: str = "") -> None:
        """Remove one signature, or all."""
        which = ["--remove", uid] if uid else ["--remove-all"]
        self._convert([self.dcmsign, *which, source, output])

    def convert(self, source: Path, output: Path, *options: str, syntax: OutputSyntax = "same") -> None:
        """Rewrite a file with dcmconv; further options as on its command line."""
        self._convert([self.dcmconv, _SYNTAX[syntax], *options, source, output])

    def _convert(self, command: Sequence[str | Path]) -> None:
        done = _run(command)
        if done.returncode:
            raise DcmtkError(done.stdout)

    def _uids(self, file: Path) -> list[str]:
        return [verdict.uid for verdict in _verdicts(_run([self.dcmsign, "--verify", file]).stdout)]


def find_dcmtk() -> Dcmtk:
    """The programs on this machine; on CI their absence fails the test, elsewhere it skips it."""
    dcmsign, dcmconv = shutil.which("dcmsign"), shutil.which("dcmconv")
    if dcmsign and dcmconv:
        return Dcmtk(dcmsign, dcmconv)
    hint = "dcmsign and dcmconv of DCMTK are not installed (Debian: apt-get install dcmtk)"
    if os.environ.get("CI"):
        pytest.fail(hint)
    pytest.skip(hint)


def _verdicts(printed: str) -> tuple[DcmsignVerdict, ...]:
    verdicts: list[DcmsignVerdict] = []
    uid = ""
    for line in printed.splitlines():
        if named := _SIGNATURE.search(line):
            uid = named[1].strip()
        elif (judged := _VERDICT.search(line)) and uid:
            verdicts.append(DcmsignVerdict(uid, judged[1].strip()))
    return tuple(verdicts)


def _run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TZ": "UTC"}
    public = sorted(glob.glob("/usr/share/libdcmtk*/dicom.dic") + glob.glob("/usr/share/dcmtk*/dicom.dic"))
    if public:
        environment["DCMDICTPATH"] = public[-1]
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
