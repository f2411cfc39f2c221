"""Runs all operations on any data set, and measures their memory."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dcmseal
from dcmseal.errors import SealError
from dcmseal.model.verdict import Verdict
from tests.support.signed_files import verify_integrity


def exercise(data: bytes) -> Verdict | None:
    """Do all that can be done with a data set; None if it cannot be read."""

    def first(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return function(*arguments, **options)
            except SealError:
                return None

    report = first(verify_integrity, data)
    for signature in first(dcmseal.signatures, data) or ():
        first(dcmseal.write_mac_stream, data, signature.uid, lambda _: None)
        first(lambda found: (found.certificate.subject, found.moment), signature)
    first(dcmseal.remove, data)
    plan = first(dcmseal.plan_signing, data)
    if plan is not None:
        plan.close()
    return report.verdict if report is not None else None


@contextmanager
def limit_memory(megabytes: int) -> Iterator[None]:
    """No more than so much is allocated inside."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()
