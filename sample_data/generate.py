"""Write the sample data: `python -m sample_data.generate [FOLDER]`, by default beside this file.

Three dates of orders (CSV) and device events (packed JSON lines) and one consent file, all fictitious. The
same program writes the same bytes on every machine; packed files may differ where another zlib packs them,
never in what they hold.
"""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from sample_data import words
from sample_data.consent import consent_file
from sample_data.devices import device_files, devices
from sample_data.orders import order_files
from sample_data.people import people

COMMON = 12  # weight from which a city is kept by name
DATES = (date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3))


def city_hierarchy() -> bytes:
    """Return city; city, or its region where few customers live; country."""
    levels = (
        (c.name, c.name if c.weight >= COMMON else f"{c.region} (regional)", c.country) for c in words.CITIES
    )
    return "".join(";".join(level) + "\n" for level in levels).encode()


def generate() -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of every file, in order."""
    customers = people()
    phones = devices(customers)
    yield "consent.csv", consent_file(customers)
    yield "hierarchy_city.csv", city_hierarchy()
    for day in DATES:
        for name, content in order_files(customers, day).items():
            yield f"orders/{day}/{name}", content
        for name, content in device_files(phones, day).items():
            yield f"devices/{day}/{name}", content


def main() -> None:
    """Write all files below the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for path, content in generate():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    main()
