"""Labels of statistics pass the gate like cells of exports."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.small_job import change_cells, make_job


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("+61491000013", "rule anywhere"),
        ("61 4910 000 13", "rule anywhere"),
        ("call 4111 1111 1111 1111", "holds bank_card"),
        ("office@example.org", "holds email"),
        ("110101199003070054", "holds national_id"),
        ("or +1 202 555 0143", "holds mobile_phone"),
    ],
)
def test_labels_of_statistics_pass_the_gate(tmp_path: Path, label: str, says: str) -> None:
    """Enough people share the label, so that the threshold alone would publish it."""
    job = make_job(tmp_path)
    job.change(
        "job.yaml", "catalog: catalog.yaml", "catalog: catalog.yaml\nmax_drift: 0.9"
    )  # or drift stops it first
    change_cells(job, "city", lambda row, number: label if number % 3 == 0 else row["city"])
    done = job.run("--recipient", "market")
    assert done.returncode == 7, done.stderr
    assert "market.orders.city: holds" in done.stderr
    assert says in done.stderr
    assert label not in done.stderr
    assert not job.tree()


def test_declared_labels_and_clean_ones_are_published(tmp_path: Path) -> None:
    """What the specification declares is public already; a number without a check digit accuses nobody."""
    job = make_job(tmp_path)
    change_cells(job, "city", lambda _, number: ("+12025550143", "4111111111111112", "Perth")[number % 3])
    job.change("statistics.yaml", "{column: city}", '{column: city, values: ["+12025550143", Perth]}')
    job.change(
        "job.yaml", "catalog: catalog.yaml", "catalog: catalog.yaml\nmax_drift: 0.9"
    )  # what the data may hold
    assert job.run("--recipient", "market").returncode == 0
    folder = tmp_path / "other"
    folder.mkdir()
    other = make_job(folder)
    change_cells(other, "city", lambda _, number: ("4111111111111112", "Perth")[number % 2])
    assert other.run("--recipient", "market").returncode == 0


def test_every_label_is_looked_at_not_a_sample() -> None:
    """Cells are sampled against chance; labels count one by one, and of ten numbers one has the right digit."""
    from pipeline.release.labels import _recognized

    labels = pa.array([str(number) for number in range(4_200_000_000_000_000, 4_200_000_000_009_000)])
    assert sum(count for _, count in _recognized(labels)) == 900
