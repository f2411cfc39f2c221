"""Write the tables of docs/reference/tokens.md from the results of ``make test-tokens`` (build/tokens).

    python tools/make_tokens_page.py

A test compares the tables with the tokens that are tested.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "build" / "tokens"
TARGET: Final = ROOT / "docs" / "reference" / "tokens.md"
ALGORITHMS: Final = ("RIPEMD160", "MD5", "SHA1", "SHA256", "SHA384", "SHA512")
BEGIN: Final = "<!-- Written by tools/make_tokens_page.py: run make test-tokens. -->\n"
END: Final = "<!-- End of the generated tables. -->\n"


def build_tables(found: Sequence[dict[str, Any]]) -> str:
    """Build the tables from the results of each kind of token."""
    return "\n".join([*_iter_signatures(found), "", *_iter_behaviour(found), ""])


def _iter_signatures(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from _iter_row("Module", "Version", "Key", *ALGORITHMS, "Contract")
    yield from _iter_row(*["---"] * (4 + len(ALGORITHMS)))
    for results in found:
        for key, outcomes in results["algorithms"].items():
            signed = (outcomes.get(algorithm, "not run") for algorithm in ALGORITHMS)
            yield from _iter_row(
                results["name"], results["version"], key, *signed, _format_counts(results["contract"][key])
            )


def _format_counts(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))


def _iter_behaviour(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from _iter_row("Behaviour", *(results["name"] for results in found))
    yield from _iter_row(*["---"] * (1 + len(found)))
    for what in dict.fromkeys(what for results in found for what in sorted(results["behaviour"])):
        yield from _iter_row(what, *(results["behaviour"].get(what, "") for results in found))


def _iter_row(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the tables into the page."""
    found = [json.loads(path.read_text("utf-8")) for path in SOURCE.glob("*.json")]
    found.sort(key=lambda results: str(results["name"]).lower())
    before, _, rest = TARGET.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    TARGET.write_text(f"{before}{BEGIN}\n{build_tables(found)}\n{END}{after}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
