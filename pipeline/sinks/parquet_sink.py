"""Parquet that holds the rows and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import CheckFailed

ROW_GROUP = 131_072  # rows; a constant of the published format
# Columns of many values give up their dictionary early instead of building 1 MiB of it.
DICTIONARY_BYTES = 64 << 10

_PIECE = 16_384  # rows read back at a time
_HEAD = 4096  # rows that tell how a column is best encoded


def plain(table: pa.Table) -> pa.Table:
    """Plain types, one chunk, no metadata. A dictionary column would publish values that no row holds any
    more.
    """
    schema = pa.schema([pa.field(field.name, _plain_type(field.type)) for field in table.schema])
    if table.schema.types != schema.types:
        table = table.cast(schema)
    return table.replace_schema_metadata(None).cast(schema).combine_chunks()


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write without statistics, schema metadata or page index; every page carries a checksum."""
    source = _compacted(table)
    repeating = [
        name for name, column in zip(source.column_names, source.columns, strict=True) if _repeats(column)
    ]
    compression = {
        name: "snappy" if name in repeating or _shrinks(column) else "none"
        for name, column in zip(source.column_names, source.columns, strict=True)
    }
    with pq.ParquetWriter(
        path,
        source.schema,
        version="2.6",
        compression=compression,  # Snappy is read everywhere
        use_dictionary=repeating,  # of pages: built from the values written, so it holds no other
        dictionary_pagesize_limit=DICTIONARY_BYTES,
        write_statistics=False,
        store_schema=False,
        write_page_index=False,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(source, row_group_size=ROW_GROUP)


def _compacted(table: pa.Table) -> pa.Table:
    """Plain columns, but for small dictionaries: these hold the cells of the rows, no others, sorted.

    The order of first appearance would tell of the input's order of rows.
    """
    small = {
        name: _small_dictionary(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    whole = plain(table.select([name for name, column in small.items() if column is None]))
    columns = [whole.column(name) if column is None else column for name, column in small.items()]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _small_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray | None:
    if not pa.types.is_dictionary(column.type) or not pa.types.is_string(column.type.value_type):
        return None
    array = column.combine_chunks()
    if array.dictionary.null_count or array.dictionary.nbytes > DICTIONARY_BYTES:
        return None
    missing = array.indices.is_null().to_numpy(zero_copy_only=False)
    codes = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
    used = np.bincount(codes[~missing], minlength=len(array.dictionary)) > 0
    ordered = pc.sort_indices(array.dictionary).to_numpy()
    ordered = ordered[used[ordered]]
    place = np.zeros(len(used), np.int32)
    place[ordered] = np.arange(len(ordered), dtype=np.int32)
    compacted = pa.array(place[codes] if len(used) else codes, mask=missing)
    return pa.DictionaryArray.from_arrays(compacted, array.dictionary.take(pa.array(ordered)))


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether a dictionary pays: in columns of tokens, nearly all of the first cells differ."""
    if pa.types.is_dictionary(column.type):
        return True
    head = column.slice(0, _HEAD)
    return len(head) == 0 or pc.count_distinct(head, mode="all").as_py() <= len(head) // 2


def _shrinks(column: pa.ChunkedArray) -> bool:
    """Whether compression pays: the first cells lose a quarter of their bytes. Hashes and ciphertexts do not."""
    if not pa.types.is_string(column.type):
        return True
    content = b"".join(column.slice(0, _HEAD).drop_null().cast(pa.binary()).to_pylist())
    return len(pa.compress(content, codec="snappy", asbytes=True)) * 4 <= len(content) * 3


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """Read with page checksums verified; the schema must be equal and the metadata empty."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _refuse_strange(file, path, schema)
            return file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from None


class ParquetColumns:
    """A file opened to be read column by column, page checksums verified.

    Raises CheckFailed like `read_parquet`, in `pieces` for what is wrong with the pages.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        try:
            with pq.ParquetFile(path) as file:
                _refuse_strange(file, path, schema)
                metadata = file.metadata
                self._encoded = frozenset(_with_dictionaries(metadata, file.schema_arrow))
            self.rows: int = metadata.num_rows
            self._file = pq.ParquetFile(
                path,
                metadata=metadata,
                page_checksum_verification=True,
                read_dictionary=sorted(self._encoded),
                memory_map=True,
            )
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _unreadable(path, error) from None

    def pieces(self, column: str) -> Iterator[pa.Array]:
        """The column's cells in order.

        Text that the file holds with a dictionary comes with it, in one piece: each distinct cell once, and also those,
        if any, that no row refers to.
        """
        try:
            if column in self._encoded or not pa.types.is_string(self._schema.field(column).type):
                yield self._file.read(columns=[column], use_threads=False).column(0).combine_chunks()
                return
            found = None
            for found in self._file.iter_batches(_PIECE, columns=[column], use_threads=False):
                yield found.column(0)
            if found is None:
                yield pa.array([], pa.string())
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _unreadable(self._path, error) from None


def _refuse_strange(file: pq.ParquetFile, path: Path, schema: pa.Schema) -> None:
    if file.metadata.metadata or file.schema_arrow.metadata:
        raise CheckFailed("the Parquet file carries metadata", where=path.name)
    if not file.schema_arrow.equals(schema):
        raise CheckFailed("the schema is not the planned one", where=path.name)


def _unreadable(path: Path, error: Exception) -> CheckFailed:
    return CheckFailed(f"the Parquet file cannot be read ({type(error).__name__})", where=path.name)


def _with_dictionaries(metadata: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    """Text columns whose every chunk begins with a dictionary page."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return [
        field.name
        for number, field in enumerate(schema)
        if pa.types.is_string(field.type)
        and groups
        and all(g.column(number).has_dictionary_page for g in groups)
    ]
