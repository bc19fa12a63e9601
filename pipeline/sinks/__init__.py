"""Writers of published files, free of the traps of their formats; and the strict readers that check the
bytes.

Guarantee: bytes depend on the rows and on the versions of Pouch and its libraries only; no file holds a
statistic,
an index, a removed value, a clock time or a name of a machine.
"""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from pipeline.sinks.csv_sink import read_csv, write_csv
from pipeline.sinks.json_sink import read_jsonl, write_jsonl
from pipeline.sinks.parquet_sink import ParquetColumns, read_parquet, write_parquet

__all__ = ["FORMATS", "ParquetColumns", "read_part", "write_part"]

_WRITERS: dict[str, Callable[[Path, pa.Table], None]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "jsonl": write_jsonl,
}
_READERS: dict[str, Callable[[Path, pa.Schema], pa.Table]] = {
    "parquet": read_parquet,
    "csv": read_csv,
    "jsonl": read_jsonl,
}
FORMATS: tuple[str, ...] = tuple(_WRITERS)


def write_part(path: Path, table: pa.Table, format: str) -> None:
    """Write one part. Not flushed to disk: publish does that for the whole release."""
    _WRITERS[format](path, table)


def read_part(path: Path, format: str, schema: pa.Schema) -> pa.Table:
    """Open a part again as published; CSV cells keep the apostrophe that makes them inert.

    Raises CheckFailed where the file is not exactly what `write_part` makes for this schema.
    """
    return _READERS[format](path, schema)
