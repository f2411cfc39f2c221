"""pydicom's view of a file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments
from pydicom.tag import BaseTag

from dcmseal import tags
from tests.differential.reader_views import FragmentsView, ItemsView, Tree, View, flatten


def view(data: bytes) -> View | None:
    """What pydicom shows; None if it refuses the file."""
    with warnings.catch_warnings(), _silence():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(BytesIO(data), force=True)
            return dict(flatten(_tree(dataset)))
        except Exception:  # noqa: BLE001 - any exception of the reader is a refusal
            return None


@contextmanager
def _silence() -> Generator[None]:
    """pydicom logs what is odd, and all of this is odd."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _tree(dataset: Dataset) -> Tree:
    # access converts an element and some of the others: keep their bytes before
    raws = {tag: dataset.get_item(tag) for tag in dataset.keys()}  # noqa: SIM118 - iterating over a Dataset gives elements
    for tag, raw in raws.items():
        try:
            yield tag, _value(dataset, tag, raw)
        except Exception:  # noqa: BLE001 - one unreadable value does not affect the others
            yield tag, "not to be had"


def _value(dataset: Dataset, tag: BaseTag, raw: object) -> bytes | str | FragmentsView | ItemsView:
    element = dataset[tag]
    if element.VR == "SQ":
        return ItemsView(tuple(_tree(item)) for item in element.value)
    if element.VR == "US":
        return str(element.value)
    if isinstance(raw, RawDataElement) and raw.value is not None:
        if raw.length == 0xFFFFFFFF and tag == tags.PIXEL_DATA:
            return FragmentsView(generate_fragments(raw.value))
        return bytes(raw.value)
    value = element.value
    return value if isinstance(value, bytes) else str("" if value is None else value)
