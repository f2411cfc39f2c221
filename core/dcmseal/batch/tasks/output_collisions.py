"""Results in a folder that mirrors their inputs: no two may have the same path.

>>> list(iter_without_collisions(["a/1.dcm", "b/1.dcm"], "out"))
['a/1.dcm', 'b/1.dcm']
>>> list(iter_without_collisions(["a/1.dcm", "./a/1.dcm"], "out"))
Traceback (most recent call last):
dcmseal.errors.UsageError: the results of two inputs would go to out/1.dcm; one of them is ./a/1.dcm
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmseal.batch.inputs.output_layout import OutputLayout
from dcmseal.errors import UsageError
from dcmseal.output.collisions import fold_name, folds_case, is_inside
from dcmseal.sources.remote_objects import join_path
from dcmseal.urls import URL_SEPARATOR


def iter_without_collisions(sources: Iterable[str], folder: str, layout: OutputLayout | None = None) -> Iterator[str]:
    """Iterate over several sources, and fail if two results would have the same path.

    Only a number is kept in memory for each source.

    Raises:
        UsageError: Two results would have the same path.
    """
    layout = OutputLayout.from_argument(sources) if layout is None else layout
    is_here = URL_SEPARATOR not in folder
    folds = is_here and folds_case(folder)
    seen: set[int] = set()
    for word in sources:
        if is_here and URL_SEPARATOR not in word and is_inside(word, folder):
            raise UsageError(
                f"{word} lies in {folder}, where the results go", hint="name another folder for the results"
            )
        root = layout.source_prefix(word).rstrip("/")
        number = hash(fold_name(root) if folds else root)
        if number in seen:
            raise UsageError(
                f"the results of two inputs would go to {join_path(folder, root)}; one of them is {word}",
                hint="name a folder above both, name each input once, or sign them in two runs",
            )
        seen.add(number)
        yield word
