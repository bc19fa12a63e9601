"""Parquet that holds the rows and nothing else."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import CheckFailed

ROW_GROUP = 131_072  # rows; a constant of the published format
DICTIONARY_BYTES = (
    64 << 10
)  # columns of many values give up their dictionary early instead of building 1 MiB of it


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
    with pq.ParquetWriter(
        path,
        plain(table).schema,
        version="2.6",
        compression="snappy",  # read everywhere; hashes and ciphertexts do not compress anyway
        use_dictionary=True,  # of pages: built from the values written, so it holds no other
        dictionary_pagesize_limit=DICTIONARY_BYTES,
        write_statistics=False,
        store_schema=False,
        write_page_index=False,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(plain(table), row_group_size=ROW_GROUP)


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """Read with page checksums verified; the schema must be equal and the metadata empty."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if file.metadata.metadata or file.schema_arrow.metadata:
                raise CheckFailed("the Parquet file carries metadata", where=path.name)
            table = file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CheckFailed(
            f"the Parquet file cannot be read ({type(error).__name__})", where=path.name
        ) from None
    if not table.schema.equals(schema):
        raise CheckFailed("the schema is not the planned one", where=path.name)
    return table
