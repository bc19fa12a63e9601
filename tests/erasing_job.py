"""A published job of which people are erased, and what can be asked of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.erasing import erase
from pipeline.revealing import reveal_tokens
from tests.running_job import copy_of
from tests.small_job import DATE, KEK, SmallJob, make_job

ERASED = "acc0005"
OTHER = "acc0006"
SHIPPING = """policy: shipping
rules:
  order_id: {transform: keep}
  account_id: {transform: encrypt_siv}
  person_name: {transform: encrypt_siv}
  postal_address: {transform: encrypt_siv, per: subject}
otherwise: drop
"""


def make_published(folder: Path) -> SmallJob:
    """A job that has run once: addresses per subject for the analysts, names under a shared key for shipping."""
    job = make_job(folder)
    job.change("analysts.yaml", "{transform: encrypt_siv}", "{transform: encrypt_siv, per: subject}")
    (job.folder / "shipping.yaml").write_text(SHIPPING)
    more = "  - {recipient: shipping, purpose: delivery, basis: contract, policy: shipping.yaml, tables: [orders]}\n"
    job.change("job.yaml", "  - {recipient: market", f"{more}  - {{recipient: market")
    done = job.run()
    assert done.returncode == 0, done.stderr
    return job


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> SmallJob:
    """One for all tests of a file; they take copies."""
    return make_published(tmp_path_factory.mktemp("job"))


@pytest.fixture
def job(published: SmallJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallJob]:
    """A copy of it, in the working directory."""
    job = copy_of(published, tmp_path / "job")
    monkeypatch.chdir(job.folder)
    monkeypatch.setenv("POUCH_KEK", KEK)
    yield job
    assert (job.folder / ".pouch/subjects").is_dir()


def erased(job: SmallJob, *ids: str, state: Path = Path(".pouch"), **options: Any) -> dict[str, Any]:
    where = (job.folder / "job.yaml", state, Path("releases"))
    return erase(*where, ids, "request 4711", base=job.folder, **options)


def rows(job: SmallJob, recipient: str, table: str = "orders") -> pa.Table:
    return pa.concat_tables(
        pq.read_table(path)
        for path in sorted((job.folder / f"releases/{recipient}/{DATE}/data/{table}").iterdir())
    )


def reveal(job: SmallJob, recipient: str, column: str, *tokens: str) -> list[str]:
    return reveal_tokens(Path("job.yaml"), Path(".pouch"), recipient, column, DATE, tokens, "ticket 4711")


def tokens_by_account(job: SmallJob, column: str) -> dict[str, list[str]]:
    """Account -> shipping's tokens of a column, by opening the account tokens."""
    table = rows(job, "shipping")
    accounts = reveal(job, "shipping", "orders.account_id", *table["account_id"].to_pylist())
    found: dict[str, list[str]] = {}
    for account, token in zip(accounts, table[column].to_pylist(), strict=True):
        found.setdefault(account, []).append(token)
    return found
