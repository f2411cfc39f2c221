"""Results that are on disk: of many files at once, because bringing a folder to disk takes longer than a small file.

A result that says that a file was written is handed on only when the file's name is on disk, too: what a journal or an
exit code says then is so after a power cut.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Final

from dcmseal.batch.results import Result
from dcmseal.engine.files.folder import sync_folder
from dcmseal.errors import OutputError
from dcmseal.url_mark import URL_MARK

_MOST: Final = 64
_SECONDS: Final = 0.1
"""Results are held back for so many, or so long."""


def settled(results: Iterable[Result], root: str | None) -> Iterator[Result]:
    """The results in their order, a few at a time once they are on disk; ``root`` as for ``settle``."""
    coming = iter(results)
    held: list[Result] = []
    began = 0.0
    while True:
        try:
            result = next(coming)
        except StopIteration:
            break
        except BaseException:
            yield from settle(held, root)
            raise
        if not held:
            began = monotonic()
        held.append(result)
        if not result.changed and len(held) == 1:
            yield held.pop()
        elif len(held) >= _MOST or monotonic() - began >= _SECONDS:
            yield from settle(held, root)
            held.clear()
    yield from settle(held, root)


def settle(results: Sequence[Result], root: str | None) -> list[Result]:
    """Bring the names of what was written to disk; a result whose file may be lost has failed.

    ``root`` is the folder that results go to, if they do not take the place of their input: folders in it, and itself,
    may be new.
    """
    failed: dict[str, OutputError] = {}
    done: set[str] = set()
    for folder in dict.fromkeys(_folder(each) for each in results if _is_here(each)):
        for each in _with_those_above(folder, root):
            if each not in done:
                done.add(each)
                try:
                    sync_folder(each)
                except OSError as error:
                    failed[folder] = OutputError(
                        f"what was written to {each} may be lost: {error.strerror or error}",
                        hint="the disk may be broken or full: look at it, and sign again",
                    )
    if not failed:
        return list(results)
    return [
        Result.failed(each.item, failed[_folder(each)]) if _is_here(each) and _folder(each) in failed else each
        for each in results
    ]


def _is_here(result: Result) -> bool:
    return result.changed and URL_MARK not in result.output


def _folder(result: Result) -> str:
    path = os.path.realpath(result.output) if os.path.islink(result.output) else result.output
    return os.path.dirname(path) or "."


def _with_those_above(folder: str, root: str | None) -> Iterator[str]:
    yield folder
    if root is None:
        return
    while folder != root and len(folder) > len(root):
        folder = os.path.dirname(folder)
        yield folder
    yield os.path.dirname(root.rstrip("/")) or "."
