"""Random data sets go from one implementation to the other; what is left out stands in test_dcmsign.py."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dcmseal import tags
from tests.interop.interop_bench import InteropBench, is_truncated
from tests.support import builder as b
from tests.support import reference
from tests.support.strategies import portable_data_sets, sound_data_sets

# Each example starts several processes.
few = settings(max_examples=12, suppress_health_check=list(HealthCheck))


def is_plain(nodes: tuple[b.Node, ...]) -> bool:
    """No NULL in text, which DCMTK's releases treat differently; no sequence of unknown VR; nothing that is wrong.

    Lengths that are not numbers, fragments that contain their own end, and values that are not signatures are wrong.
    """
    for node in nodes:
        if isinstance(node, b.Value):
            wrong = node.vr == "UL" and len(node.value) != 4
            if wrong or (node.vr in reference.TEXT_VRS and b"\0" in node.value):
                return False
        elif isinstance(node, b.Fragments):
            if any(b"\xfe\xff\xdd\xe0" in fragment for fragment in node.fragments):
                return False
        elif isinstance(node, b.Sequence):
            if node.vr == "UN" or node.tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE):
                return False
            if not all(is_plain(item.elements) for item in node.items):
                return False
    return True


@few
@given(nodes=sound_data_sets(max_depth=3).filter(is_plain))
def test_random_data_sets(nodes: tuple[b.Node, ...], bench: InteropBench) -> None:
    data = b.file(nodes, b.JPEG_BASELINE)
    dataset = reference.parse_file(data).dataset
    if not reference.signable_tags(dataset) or is_truncated(data):
        return
    bench.assert_good(bench.ours(bench.theirs(data, "p256"), "p256"), 2)


@few
@given(nodes=portable_data_sets(max_depth=3).filter(is_plain), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_random_data_sets_in_all_syntaxes(nodes: tuple[b.Node, ...], syntax: b.Syntax, bench: InteropBench) -> None:
    bench.assert_good(bench.theirs(bench.ours(b.file(nodes, syntax), "p256"), "p256"), 2)
