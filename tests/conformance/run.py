"""Conformance of the command line with a corpus of signed files: verdicts, signatures made, MAC byte streams.

    python tests/conformance/run.py --corpus FOLDER --checkers FOLDER [--dcmseal COMMAND] [--jobs N] [--only REGEX]

CORPUS is a folder with ``manifest.json``, or a folder of such folders; CHECKERS holds ``check_verify.py`` and
``check_sign.py``, which run a command line template over every case and need pydicom and cryptography. Files are
verified with the anchors and CRLs of each case, weak algorithms accepted and claimed times refused, as dcmsign does.
The checkers have names of their own for profiles: each is a profile file. Cases in ``EXCUSED`` are run all the same,
and do not fail the run.

Exit code 0 if every case of level "must" passed and its MAC streams are identical, 1 if not, 2 for usage.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

PURPOSE: Final = "differs by the standard: it states no purpose, and has to (PS3.15 C.4)"
UNSIGNABLE: Final = "differs by the standard: its only element has VR UN (PS3.3 C.12.1.1.3.1.1)"

NOT_ESTABLISHED: Final = 4
"""Exit code that the manifest accepts where only trust or time is at fault, or items are signed and not the object."""
EXCUSED: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "verify": ((r"profile-sr", PURPOSE),),
    "sign": ((r"source:UN_sequence\.dcm", UNSIGNABLE),),
}
"""Why cases of each checker may fail, by pattern of the whole case id."""

VERIFY: Final = (
    "verify --json --accept-weak --claimed-time refuse {trust} {untrusted} {crl} {require} {timestamp} {format} {file}"
)
VERIFY_OPTIONS: Final = (
    "--frag=trust=--trust-anchor {v}",
    "--frag=untrusted=--intermediate {v} --timestamp-certificate {v}",
    "--frag=crl=--crl {v}",
    "--frag=format=--accept-old-format",
    "--frag=timestamp=--timestamp-mode {v}",
    '--json-total=len(j["signatures"])',
    '--json-valid=sum(s["verdict"] == "valid" for s in j["signatures"])',
    '--json-sigs=[(s["uid"] or "(unknown)", s["verdict"] == "valid") for s in j["signatures"]]',
)
SIGN: Final = 'sign {in} {out} --key "pem:{key}?cert={cert}" --allow-weak {mac} {tags} {item} {purpose} {profile} {tsa}'
PROFILES: Final = {
    "signature": 'base = "none"',
    "base": 'base = "base-rsa"',
    "creator": 'base = "creator-rsa"',
    "auth": 'base = "authorization-rsa"',
    "sr": 'base = "structured-report-rsa"',
    "srv": 'base = "structured-report-rsa"\npurposes = ["verification"]',
}
"""What the checkers call profiles, and the profile files that stand for them."""
WITH_PURPOSE: Final = {"sr": f'{PROFILES["sr"]}\npurposes = ["author"]'}
"""The checkers sign reports without saying why, which the profile does not allow: a site's own says it once for all."""

_SIGN_LINE: Final = re.compile(r"(\S.*?) +\d+\.\d\d  (pass|fail|skip)(?:: (.*))?")
_STREAM_SECONDS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """How one case ended; ``result`` is pass, fail or skip."""

    name: str
    result: str
    why: str = ""
    must: bool = True

    def excuse(self, checker: str) -> str:
        """Why the case may fail, empty if it may not."""
        return next((what for pattern, what in EXCUSED[checker] if re.fullmatch(pattern, self.name)), "")


class CheckerFailed(Exception):
    """A checker ended without results."""


def run_checker(checker: Path, arguments: Sequence[str]) -> tuple[list[str], str]:
    """Run a checker with this interpreter; its standard output by line, and the closing one."""
    command = [sys.executable, str(checker), *arguments]
    run = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    lines = run.stdout.splitlines()
    closing = lines[-1] if lines else ""
    if not re.match(r"\d+ passed, \d+ failed", closing):
        raise CheckerFailed(f"{checker.name} gave no result: {(run.stderr or run.stdout).strip()[-500:]}")
    return lines, closing


def check_verify(split: Path, options: argparse.Namespace) -> tuple[list[CaseResult], str]:
    """Verdicts over the signed files of a split."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _, closing = run_checker(
            options.checkers / "check_verify.py",
            [
                f"--corpus={split}",
                f"--cmd={options.dcmseal} {VERIFY}",
                f"--report={report}",
                f"--frag=require=--require {profile_files(folder, PROFILES)}/{{v}}.toml",
                *VERIFY_OPTIONS,
                *shared(options),
            ],
        )
        cases = json.loads(report.read_text())
        manifest = json.loads((split / "manifest.json").read_text())
        accepted = {case["id"] for case in manifest["cases"] if NOT_ESTABLISHED in case["accept_rc"]}
        results = [
            CaseResult(name=case["id"], result=case["result"], why=case["why"], must=case["level"] == "must")
            if case["result"] != "fail" or case["id"] not in accepted or exit_code(case["cmd"]) != NOT_ESTABLISHED
            else CaseResult(name=case["id"], result="pass", must=case["level"] == "must")
            for case in cases
        ]
    return results, closing


def exit_code(command: str) -> int:
    """That of the tool itself: the checker knows no verdict between valid and invalid."""
    return subprocess.run(shlex.split(command), check=False, capture_output=True).returncode


def check_sign(split: Path, options: argparse.Namespace) -> tuple[list[CaseResult], str]:
    """Signatures made over the sources of a split, judged by dcmsign and by the rules of PS3.3 C.12.1.1.3."""
    with tempfile.TemporaryDirectory() as folder, scripted_authority() as url:
        authority = f"--frag=tsa=--timestamp {url}{{v}}"
        files = f"--frag=profile=--profile {profile_files(folder, PROFILES | WITH_PURPOSE)}/{{v}}.toml"
        lines, closing = run_checker(
            options.checkers / "check_sign.py",
            [f"--corpus={split}", f"--cmd={options.dcmseal} {SIGN}", files, authority, *shared(options)],
        )
    found = [match for line in lines if (match := _SIGN_LINE.fullmatch(line))]
    return [CaseResult(name=match[1], result=match[2], why=match[3] or "") for match in found], closing


class ScriptedAuthority(BaseHTTPRequestHandler):
    """A timestamp authority that lets a script answer: the path of its URL is that of the script."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with tempfile.TemporaryDirectory() as folder:
            query, response = Path(folder) / "query", Path(folder) / "response"
            query.write_bytes(body)
            subprocess.run([self.path, query, response], check=False)
            answer = response.read_bytes() if response.exists() else b""
        self.send_response(200 if answer else 500)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def scripted_authority() -> Generator[str]:
    """Serve on the loopback; gives the URL that the path of a script is put behind."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ScriptedAuthority) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def profile_files(folder: str, profiles: dict[str, str]) -> str:
    """The folder, with a file for each profile."""
    for name, rules in profiles.items():
        (Path(folder) / f"{name}.toml").write_text(f'name = "{name}"\n{rules}\n', encoding="utf-8")
    return folder


def shared(options: argparse.Namespace) -> list[str]:
    """Options that both checkers take."""
    return [f"--jobs={options.jobs}", *([f"--only={options.only}"] if options.only else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStream:
    """A MAC byte stream that was recorded when the signature was made."""

    case: str
    must: bool
    file: Path
    uid: str
    stream: Path


def recorded_streams(split: Path, only: str) -> Iterator[RecordedStream]:
    """The streams of the manifest that the signature in the file was made over."""
    manifest: dict[str, Any] = json.loads((split / "manifest.json").read_text())
    for case in manifest["cases"]:
        if only and not re.search(only, case["id"]):
            continue
        for signature in case.get("signatures", ()):
            if signature.get("stream") and signature.get("stream_matches_signature"):
                yield RecordedStream(
                    case=case["id"],
                    must=case["level"] == "must",
                    file=split / case["file"],
                    uid=signature["uid"],
                    stream=split / signature["stream"],
                )


def compare_stream(recorded: RecordedStream, command: str) -> CaseResult:
    """Compare what ``dcmseal stream`` writes with the recorded bytes."""
    arguments = [*shlex.split(command), "stream", str(recorded.file), "--uid", recorded.uid]
    expected = recorded.stream.read_bytes()
    try:
        run = subprocess.run(arguments, check=False, capture_output=True, timeout=_STREAM_SECONDS)
    except subprocess.TimeoutExpired:
        why = f"no answer in {_STREAM_SECONDS} s"
    else:
        complaint = run.stderr.decode(errors="replace").strip().splitlines()
        if run.returncode:
            why = f"exit {run.returncode}: {complaint[-1] if complaint else ''}"
        else:
            why = difference(run.stdout, expected)
    return CaseResult(name=recorded.case, result="fail" if why else "pass", why=why, must=recorded.must)


def difference(ours: bytes, expected: bytes) -> str:
    """Where two streams part, empty if they are identical."""
    if ours == expected:
        return ""
    pairs = zip(ours, expected, strict=False)
    offset = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(expected)))
    return f"{len(ours)} bytes, recorded {len(expected)}; they part at byte {offset}"


def judge(checker: str, results: Sequence[CaseResult], closing: str) -> bool:
    """Print what is worth knowing about the results of a checker; True if no "must" case failed."""
    sound = True
    for case in results:
        excuse = case.excuse(checker)
        passed = case.result == "pass"
        if excuse:
            unexpected = "; UNEXPECTED: take it out of the table" if passed else ""
            print(f"  {case.name}: {excuse}: {'passed' if passed else 'failed'}{unexpected}")
        elif not passed:
            sound = sound and not case.must
            print(f"  {case.name}: {case.result}{'' if case.must else ' (no must)'}: {case.why}")
    print(f"{checker}: {closing}")
    return sound


def run_split(split: Path, options: argparse.Namespace) -> bool:
    """Run everything over one split; True if nothing that must pass failed."""
    print(f"== {split.name}")
    sound = judge("verify", *check_verify(split, options))
    sound = judge("sign", *check_sign(split, options)) and sound
    with ThreadPoolExecutor(options.jobs) as pool:
        recorded = recorded_streams(split, options.only)
        streams = list(pool.map(lambda stream: compare_stream(stream, options.dcmseal), recorded))
    differing = [stream for stream in streams if stream.result != "pass"]
    for stream in differing:
        sound = sound and not stream.must
        print(f"  stream of {stream.name}{'' if stream.must else ' (no must)'}: {stream.why}")
    print(f"{len(streams) - len(differing)} streams identical, {len(differing)} differ")
    return sound


def splits_of(corpus: Path) -> list[Path]:
    """The folders with a manifest: the corpus itself, or those right inside it."""
    if (corpus / "manifest.json").is_file():
        return [corpus]
    return sorted(manifest.parent for manifest in corpus.glob("*/manifest.json"))


def main() -> int:
    """Read the command line and run every split."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--corpus", type=Path, required=True, help="a folder with manifest.json, or a folder of such folders"
    )
    parser.add_argument("--checkers", type=Path, required=True, help="the folder of check_verify.py and check_sign.py")
    parser.add_argument(
        "--dcmseal",
        metavar="COMMAND",
        default=shlex.quote(str(Path(sys.executable).with_name("dcmseal"))),
        help="command line of the tool (default: the dcmseal beside this Python)",
    )
    parser.add_argument("--jobs", type=int, default=2, help="tools that run at the same time (default: 2)")
    parser.add_argument("--only", metavar="REGEX", default="", help="only cases whose id matches")
    options = parser.parse_args()
    splits = splits_of(options.corpus.resolve())
    if not splits:
        parser.error(f"no manifest.json in {options.corpus} or in a folder right inside it")
    try:
        verdicts = [run_split(split, options) for split in splits]
    except CheckerFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print("conformance: " + ("every case that must pass did" if all(verdicts) else "FAILED"))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
