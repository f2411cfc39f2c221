"""Many threads sign with one signer, or with one each; a signer that is closed takes no other along."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from dcmseal.testing.signer_suite.subject import SignerTestBase
from dcmseal.testing.verifying import assert_verifies

_THREADS: Final = 8


class ThreadTests(SignerTestBase):
    """What happens at the same time does not get in its own way."""

    def test_signs_from_many_threads(self) -> None:
        messages = [self.make_message(b"%d" % n) for n in range(4 * _THREADS)]
        with self.open_signer() as signer:
            with ThreadPoolExecutor(_THREADS) as threads:
                signatures = list(threads.map(signer.sign, messages))
            for message, signature in zip(messages, signatures, strict=True):
                assert_verifies(signer, message, signature)

    def test_opens_in_many_threads(self) -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            for done in [threads.submit(self.assert_opens_and_signs) for _ in range(_THREADS)]:
                done.result()

    def test_closing_one_signer_leaves_the_other_open(self) -> None:
        with self.open_signer() as outer:
            with self.open_signer() as inner:
                self.assert_signs(inner)
                self.assert_signs(outer)
            self.assert_signs(outer)
