"""How native libraries treat memory, threads and imports in Pouch's processes.

Columns come and go by the megabyte. glibc maps each such block anew, and the page faults of that can
cost more than the work on it: see decision 0007.
"""

import ctypes
import os
import sys

# Read by native libraries when they are loaded.
NATIVE_SETTINGS = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # memory that numpy freed is Arrow's next, and the other way round
    "NUMPY_MADVISE_HUGEPAGE": "0",  # the kernel may have to move memory to make a huge page: twice the system time
    # One thread, so that children can be forked (see starting.py); neither library has work for more.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",  # or pydantic reads the metadata of every installed package, and runs theirs
}


def settle_native_libraries() -> None:
    """Settle them for this process, before the first of them is imported; what the user has set stays."""
    for name, value in NATIVE_SETTINGS.items():
        os.environ.setdefault(name, value)


class _NoPandas:
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ImportError


def keep_pandas_out() -> None:
    """Let Arrow find that there is no pandas. It looks once, at the first array made from numpy, and would import all
    of pandas (0.4 s in every process) to ask whether the array is a Series. pandas can still be imported afterwards.
    """
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


# malloc.h; other C libraries do not have these, and then nothing changes.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3

_LARGEST = 32 << 20  # the most that glibc takes for the mapping threshold


def keep_freed_memory() -> None:
    """Raise glibc's thresholds for mapping and trimming. Peak memory stays that of the largest slice."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGEST)
    mallopt(_M_TRIM_THRESHOLD, 1 << 30)
    mallopt(_M_TOP_PAD, 64 << 20)


_ARENA = 1 << 20  # bytes that CPython takes from the system at a time for small objects (3.10 and later)
_LARGEST_SMALL = 512  # bytes with its header
_HELD_ARENAS = 16


def hold_arenas() -> list[bytes]:
    """Small objects spread over 16 MiB of CPython's own memory, to be kept alive.

    An arena without objects goes back to the system at once. A column of tokens makes and drops a few arenas of bytes
    objects with every batch: without this a quarter of all page faults of a run are theirs.
    """
    size = _LARGEST_SMALL - sys.getsizeof(b"")
    objects = [bytes(size) for _ in range(_HELD_ARENAS * _ARENA // _LARGEST_SMALL)]
    return objects[:: _ARENA // _LARGEST_SMALL // 2]
