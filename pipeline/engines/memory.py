"""Keep freed memory in the process instead of giving it back after every large array.

Columns come and go by the megabyte. glibc maps each such block anew, and the page faults of that can
cost more than the work on it: see decision 0007.
"""

import ctypes

# Arrow's allocator, mimalloc, gives memory back after 10 ms unless told not to; it reads this when it is loaded.
CHILD_ENVIRONMENT = {"MIMALLOC_PURGE_DELAY": "-1"}

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
