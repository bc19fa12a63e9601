"""`pouch scan` on files: what it says about records it could not read, delimiters, tables and types."""

from pathlib import Path

import pytest

from pipeline.detect.proposal import Reading, propose_files
from pipeline.errors import Drift, InputUnreadable, JobWrong


def scanned(
    *paths: Path, table: str | None = None, reading: Reading | None = None
) -> tuple[list[str], list[str]]:
    """Table.column: class of every proposal, and what was told."""
    notes: list[str] = []
    found = propose_files(paths, reading or Reading(), table=table, tell=notes.append)
    return [f"{one.table}.{one.column}: {one.data_class}" for one in found], notes


def test_records_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("city,amount\nPerth,1\nHobart,2,3\nSydney,4\n")
    _, notes = scanned(path)
    assert notes == [
        "orders.csv: 1 of 3 sampled records could not be read, the first: wrong number of fields"
    ]


@pytest.mark.parametrize(("sign", "shown"), [(";", "';'"), ("\t", "$'\\t'"), ("|", "'|'")])
def test_one_column_with_another_delimiter_in_its_header_is_told(
    tmp_path: Path, sign: str, shown: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(f"city{sign}amount\nPerth{sign}1\n")
    assert scanned(path)[1] == [f"orders.csv: one column: try --delimiter {shown}"]
    assert scanned(path, reading=Reading(delimiter=sign))[1] == []


def test_encoding_is_taken_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes("城市,收货人\n北京,王小明\n".encode("gb18030"))
    assert scanned(path, reading=Reading(encoding="gb18030"))[0][0].startswith("orders.城市:")
    with pytest.raises(JobWrong, match="--encoding"):
        scanned(path, reading=Reading(encoding="klingon"))
    with pytest.raises(JobWrong, match="--delimiter"):
        scanned(path, reading=Reading(delimiter=";;"))


def test_files_of_one_table_are_one_proposal_only_with_its_name(tmp_path: Path) -> None:
    a, b = tmp_path / "monday.csv", tmp_path / "tuesday.csv"
    for path in (a, b):
        path.write_text("city,amount\nPerth,1\n")
    found, notes = scanned(a, b)
    assert [one.partition(".")[0] for one in found] == ["monday", "monday", "tuesday", "tuesday"]
    assert notes == ["tuesday.csv has the columns of monday.csv: --table NAME proposes one table for them"]
    found, notes = scanned(a, b, table="orders")
    assert [one.partition(":")[0] for one in found] == ["orders.city", "orders.amount"] and not notes
    b.write_text("city,price\nPerth,1\n")
    with pytest.raises(Drift):
        scanned(a, b, table="orders")
    with pytest.raises(JobWrong, match="lowercase"):
        scanned(a, table="Orders 1")


@pytest.mark.parametrize("misfits", [0, 1, 4, 14])
def test_values_that_do_not_fit_the_type_lower_the_confidence(tmp_path: Path, misfits: int) -> None:
    """The run would quarantine these records; the class stays, because nothing else says how to treat them."""
    good = [f"2026-11-{day:02d} 10:00:00" for day in range(1, 21)]
    times = [f"{n + 13}/11/2026 10:00" for n in range(misfits)] + good[misfits:]
    path = tmp_path / "orders.csv"
    path.write_text("order_time\n" + "\n".join(times) + "\n")
    (found,) = propose_files([path], Reading())
    path.write_text("order_time\n" + "\n".join(good) + "\n")
    (clean,) = propose_files([path], Reading())
    assert found.data_class == "order_time"
    told = [one for one in found.evidence if "do not fit" in one]
    if misfits <= 1:
        assert not told
    else:
        assert told == [f"{misfits / 20:.0%} do not fit order_time (time) and would be quarantined"]
        assert found.confidence < clean.confidence


def test_a_file_without_a_readable_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text("[1]\n[2]\n", encoding="utf-8")
    with pytest.raises(InputUnreadable, match="none of 2 sampled records can be read"):
        propose_files([path], Reading())
