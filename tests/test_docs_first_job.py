"""docs/first-job.md and the README's notebook do what they say: their blocks are run as they stand."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from pipeline.config.models import Job
from pipeline.config.statistics_models import Protection
from pipeline.errors import ERRORS_BY_CODE
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "first-job.md").read_text(encoding="utf-8")
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@dataclass(frozen=True)
class Shop:
    """The folder that a reader of the page has made, and what the commands printed."""

    folder: Path
    environment: dict[str, str]

    def shell(self, script: str) -> str:
        ran = subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    commands = tmp_path_factory.mktemp("bin")
    for name, arguments in {"pouch": "-m pipeline", "python3": ""}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (commands / name).chmod(0o755)
    (folder / "in" / "2026-11-01").mkdir(parents=True)
    orders, consent = blocks(PAGE, "csv")
    job, policy, statistics = blocks(PAGE, "yaml")
    texts = {
        "in/2026-11-01/orders.csv": orders,
        "consent.csv": consent,
        "job.yaml": job,
        "policy.yaml": policy,
    }
    for name, text in {**texts, "statistics.yaml": statistics}.items():
        (folder / name).write_text(text, encoding="utf-8")
    changes = {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    scan, keys, night, _ = blocks(PAGE, "sh")
    made = Shop(folder, os.environ | changes)
    made.shell(scan)
    kek = made.shell(f"{keys}\nprintf '\\n%s' \"$POUCH_KEK\"").splitlines()[-1]
    made = Shop(folder, {**made.environment, "POUCH_KEK": kek})
    made.shell(night)
    return made


def published(shop: Shop) -> pd.DataFrame:
    return pd.read_csv(shop.folder / "releases/analysts/2026-11-01/data/orders/part-00000.csv", dtype=str)


def test_the_commands_publish_what_the_page_says(shop):
    rows = published(shop)
    assert set(rows.columns) == {"order_number", "account_id", "mobile", "city", "amount"}
    assert len(rows) == 3  # one of four is withheld
    assert rows["account_id"].nunique() == 2
    assert rows["mobile"].nunique() == 3  # as written, not normalized
    assert sorted(rows["amount"]) == ["10.00", "10.00", "60.00"]


def test_a_token_is_revealed_as_it_was_written(shop):
    token = published(shop).query("amount == '60.00'")["mobile"].item()
    assert shop.shell(blocks(PAGE, "sh")[-1].replace("TOKEN", token)).strip() == "0491 570 006"


def test_the_statistics_are_taken(shop):
    job = (shop.folder / "job.yaml").read_text()
    with_statistics = job.replace(
        "    policy: policy.yaml", "    policy: policy.yaml\n    statistics: statistics.yaml"
    )
    assert with_statistics != job
    (shop.folder / "more.yaml").write_text(with_statistics)
    assert "sales" in shop.shell("pouch plan more.yaml --date 2026-11-01 --format json")


def test_the_page_states_the_defaults_of_the_code():
    assert f"max_quarantined: {Job.model_fields['max_quarantined'].default} " in PAGE
    assert f"default {Protection().min_people}, at least 3" in PAGE


def test_the_page_has_a_row_for_every_exit_code():
    rows = [int(code) for code in re.findall(r"^\| (\d+) \| ", PAGE, re.M)]
    assert rows == [0, *ERRORS_BY_CODE]


def test_the_notebook_of_the_readme_runs_as_printed(capsys):
    (block,) = blocks(README, "python")
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 -- our own page is what is tested
    protected = names["protected"]
    assert isinstance(protected, pd.DataFrame)
    tokens = protected["mobile"]
    assert tokens[0] == tokens[1] and re.fullmatch("[0-9a-f]{32}", tokens[0]) and pd.isna(tokens[2])
    assert list(protected["city"]) == ["Sydney", "Sydney", "Perth"]
    assert "Sydney" in capsys.readouterr().out
