"""Data classes: what a column can hold, how sensitive it is, and which transforms suit it.

`CLASSES` is the one list; ids are part of Pouch's contract and never change their meaning.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.classes.devices import DEVICES
from pipeline.classes.model import DataClass, Kind
from pipeline.classes.orders import ORDERS
from pipeline.classes.other import OTHER
from pipeline.classes.people import PEOPLE
from pipeline.errors import JobWrong, nearest

__all__ = ["CLASSES", "DataClass", "Kind", "describe", "get"]

CLASSES: Mapping[str, DataClass] = MappingProxyType(
    {data_class.id: data_class for data_class in (*PEOPLE, *ORDERS, *DEVICES, *OTHER)}
)


def get(class_id: str, *, where: str = "") -> DataClass:
    """Return the class of that id.

    Raises JobWrong, with the nearest id as a hint, where there is none.
    """
    found = CLASSES.get(class_id)
    if found is None:
        raise JobWrong(f"no data class is called {class_id!r}", where=where, hint=nearest(class_id, CLASSES))
    return found


def describe() -> str:
    """Return the table of all classes as Markdown, for the documentation and `pouch scan --help`."""
    lines = [
        "| class | holds | grade | kind | type | token domain | normal form | possible values | transforms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for data_class in CLASSES.values():
        size = "" if data_class.enumerable is None else f"{float(data_class.enumerable):.1g}"
        kind = data_class.kind.replace("_", " ")
        lines.append(
            f"| `{data_class.id}` | {data_class.title} | {data_class.grade} | {kind}"
            f" | {data_class.value_type} | {data_class.token_domain} | {data_class.normal_form} | {size}"
            f" | {', '.join(sorted(data_class.suitable))} |"
        )
    return "\n".join(lines) + "\n"
