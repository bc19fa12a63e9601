"""What format-preserving libraries of PyPI do, value by value: {library: values a core second} as JSON.

Runs in an environment of its own (`fastfpe`, `ff3`): `python ff1_libraries.py COUNT DIGITS`. What is not
installed is left out. `fastfpe` encrypts with FF1, `ff3` with FF3-1; neither takes a column.
"""

import json
import random
import sys
import time
from collections.abc import Callable

KEY = "2b7e151628aed2a6abf7158809cf4f3c"
TWEAK = "d8e7920afa330a"  # seven bytes, as FF3-1 wants


def rate(encrypt: Callable[[str], str], values: list[str]) -> float:
    start = time.process_time()
    for value in values:
        encrypt(value)
    return len(values) / (time.process_time() - start)


count, digits = int(sys.argv[1]), int(sys.argv[2])
source = random.Random(7)
numbers = [str(source.randrange(10**digits)).zfill(digits) for _ in range(count)]
found = {}
try:
    from fastfpe import ff1

    found["fastfpe"] = rate(lambda value: ff1.encrypt(KEY, TWEAK, "0123456789", value), numbers)
except ImportError:
    pass
try:
    from ff3 import FF3Cipher

    found["ff3"] = rate(FF3Cipher(KEY, TWEAK).encrypt, numbers[: count // 20])
except ImportError:
    pass
print(json.dumps(found))
