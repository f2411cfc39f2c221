"""Processing of one item for any task: it is timed, and errors become results."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.results import BatchResult
from dcmseal.errors import NotDicom, SealError, build_internal_error


def run_item(
    item: InputFile,
    detail: ResultDetail,
    work: Callable[[InputFile], BatchResult],
    *,
    is_fatal: Callable[[SealError], bool],
) -> BatchResult:
    """Return the result of ``work``, or of its error; ``is_fatal`` tells which errors end the run."""
    start = perf_counter()
    try:
        result = work(item)
    except NotDicom as error:
        result = (
            BatchResult.from_error(item, error)
            if item.must_be_dicom
            else BatchResult.from_foreign_file(item, str(error))
        )
    except SealError as error:
        result = BatchResult.from_error(item, error, is_fatal=is_fatal(error))
    except Exception as error:  # noqa: BLE001 - one bad file is one failed result
        result = BatchResult.from_error(item, build_internal_error(error))
    if detail is ResultDetail.VERDICT and result.value is None:
        return result
    return result.with_detail(detail)._replace(seconds=perf_counter() - start)


def never_fatal(_: SealError) -> bool:
    """Return False: every error is about the file."""
    return False
