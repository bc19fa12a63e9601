"""Plain pyarrow: read the CSV, write Parquet, nothing protected. `python arrow_copy.py IN OUT`."""

import sys

import pyarrow.csv
import pyarrow.parquet

pyarrow.parquet.write_table(pyarrow.csv.read_csv(sys.argv[1]), sys.argv[2])
