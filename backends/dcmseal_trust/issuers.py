"""Issuers that are missing, fetched one after the other until a path leads to an anchor (RFC 5280 4.2.2.1)."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace

from pyhanko_certvalidator.path import ValidationPath

from dcmseal_trust.certificates import X509Certificate
from dcmseal_trust.material import LoadedMaterial
from dcmseal_trust.paths import NoPath, find_path


def find_path_fetching(
    leaf: X509Certificate,
    material: LoadedMaterial,
    moment: dt.datetime,
    fetch: Callable[[X509Certificate], tuple[X509Certificate, ...]],
    *,
    max_issuers: int,
    seconds: float,
) -> tuple[ValidationPath, tuple[X509Certificate, ...]]:
    """A path, and what was fetched for it; raises NoPath.

    A stranger's certificate says what is fetched: so it is ``max_issuers`` certificates, and none after some ``seconds``,
    which also ends chains that have no end, or run in circles.
    """
    until = time.monotonic() + seconds
    fetched: tuple[X509Certificate, ...] = ()
    while True:
        known = replace(material, intermediates=(*material.intermediates, *fetched))
        try:
            return find_path(leaf, known, moment), fetched
        except NoPath as none:
            if none.last is None or time.monotonic() > until:
                raise
            held = {each.dump() for each in known.intermediates}
            found = (each for each in fetch(none.last) if each.subject == none.last.issuer)
            new = tuple(each for each in found if each.dump() not in held)[: max_issuers - len(fetched)]
            if not new:
                raise
        fetched += new
