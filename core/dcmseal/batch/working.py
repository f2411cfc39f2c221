"""Work on one item, whatever the task: timed, and no error gets out."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from dcmseal.batch.items import Item
from dcmseal.batch.results import Form, Result
from dcmseal.errors import NotDicom, SealError, internal_error


def worked_on(
    item: Item, detail: Form, work: Callable[[Item], Result], *, is_fatal: Callable[[SealError], bool]
) -> Result:
    """The result of ``work``, or of its error; ``is_fatal`` says which errors leave nothing to be done for others."""
    start = perf_counter()
    try:
        result = work(item)
    except NotDicom as error:
        result = Result.from_error(item, error) if item.must_be_dicom else Result.make_ignored(item, str(error))
    except SealError as error:
        result = Result.from_error(item, error, is_fatal=is_fatal(error))
    except Exception as error:  # noqa: BLE001 - one bad file is one failed result
        result = Result.from_error(item, internal_error(error))
    if detail is Form.VERDICT and result.value is None:
        return result
    from dcmseal.batch.result_documents import in_form

    return in_form(result, detail)._replace(seconds=perf_counter() - start)


def nothing_ends(_: SealError) -> bool:
    """Of tasks in which every error is a matter of the file."""
    return False
