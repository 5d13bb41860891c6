"""The records of a run as one long table: a row for each number. CSV and Parquet of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from resnet_core.runs.run import ModelRecords, Run

from .facts import facts, role_of

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("net", "step", "quantity", "path", "value")


def long_table(run: Run, records: Sequence[ModelRecords]) -> pa.Table:
    """Columns COLUMNS; `path` is that of an op, empty for what concerns the whole net.

    The facts of the run are in the schema's metadata.
    """
    import pyarrow as pa  # here: only who takes numbers away needs it

    pieces = [
        pa.table(
            {
                "net": every(pa, role_of(run, model.model), values.size),
                "step": pa.array(np.repeat(steps, len(paths)).astype(np.int32)),
                "quantity": every(pa, quantity, values.size),
                "path": pa.DictionaryArray.from_arrays(
                    np.tile(np.arange(len(paths), dtype=np.int32), len(steps)), list(paths)
                ),
                "value": pa.array(values.ravel()),
            }
        )
        for model in records
        for quantity, paths, steps, values in channels(model)
    ]
    if not pieces:
        text = pa.dictionary(pa.int32(), pa.string())
        kinds = dict(zip(COLUMNS, (text, pa.int32(), text, text, pa.float32())))
        pieces = [pa.schema(kinds).empty_table()]
    table = pa.concat_tables(pieces).unify_dictionaries().combine_chunks()
    told = {"residual explorer": json.dumps(facts(run, records))}
    return table.replace_schema_metadata(told)


def every(pa, text: str, length: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(length, np.int32), [text])


def channels(
    model: ModelRecords,
) -> Iterator[tuple[str, Sequence[str], np.ndarray, np.ndarray]]:
    """(quantity, paths, steps, values [steps, paths]) of a net: scalars first, as the path ""."""
    for name, values in model.scalars.items():
        yield name, ("",), model.steps, values.reshape(-1, 1)
    for name, rows in model.per_op.items():
        if model.labels[name]:
            yield name, model.labels[name], model.steps_of(name), rows


def csv(run: Run, records: Sequence[ModelRecords]) -> bytes:
    """Lines of "# name: fact" first, for `read_csv(..., comment="#")`, then the table.

    Numbers have the fewest digits that give the same float32 again; "nan" and "inf" are numbers.
    """
    import pyarrow as pa
    from pyarrow.csv import WriteOptions, write_csv

    table = long_table(run, records)
    kinds = [(f.name, f.type.value_type if f.name in TEXTS else f.type) for f in table.schema]
    file = io.BytesIO()
    for name, fact in facts(run, records).items():
        file.write(f"# {name}: {fact}\n".encode())
    file.write((",".join(COLUMNS) + "\n").encode())
    # paths are those of modules: they hold no comma and no quote, and this raises if one did
    options = WriteOptions(include_header=False, quoting_style="none")
    write_csv(table.cast(pa.schema(kinds)), file, options)
    return file.getvalue()


def parquet(run: Run, records: Sequence[ModelRecords]) -> bytes:
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(long_table(run, records), file, compression="zstd")
    return file.getvalue()


TEXTS = ("net", "quantity", "path")
