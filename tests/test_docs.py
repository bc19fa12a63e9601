"""What the documentation says exists: links, commands, exit codes; and nothing names the machine it was written on."""

import re
import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ERRORS_BY_CODE
from tests.conftest import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
BUILT = ("run", "plan", "report", "verify", "scan", "detect", "reveal", "erase", "stats")
BUILT += ("keys init", "keys list", "keys rotate", "keys destroy")
GROUPS = ("budget show", "budget explain", "budget simulate")
LATER = ("diff", "risk", "retain")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page):
    """Also those to a heading, of this page or another."""
    for target, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", page.read_text()):
        if target.startswith("https://"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        if heading:
            assert heading in headings(there.read_text()), f"{target}#{heading}"


def headings(text: str) -> set[str]:
    """The names by which headings are linked: lower case, hyphens for blanks, no other signs."""
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("command", (*BUILT, *GROUPS))
def test_every_command_has_help_with_examples(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "Examples" in shown.output and f"pouch {command}" in shown.output


def test_commands_that_the_pages_name_exist():
    known = {command.split()[0] for command in (*BUILT, *GROUPS, *LATER)}
    for page in PAGES:
        for command in re.findall(r"(?:^|`)pouch ([a-z]+)", page.read_text(), re.M):
            assert command in known | {"state"}, f"{page.name}: pouch {command}"


def test_the_architecture_lists_every_exit_code():
    text = (PROJECT / "docs" / "architecture.md").read_text()
    for code in (0, *ERRORS_BY_CODE):
        assert re.search(rf"(?:^|[ ·]){code} [a-z]", text, re.M), code


def test_the_architecture_names_every_room():
    text = (PROJECT / "docs" / "architecture.md").read_text()
    for room in (PROJECT / "pipeline").iterdir():
        if room.is_dir() and (room / "__init__.py").exists():
            assert f"`pipeline/{room.name}/`" in text, room.name


def test_no_tracked_file_names_the_machine():
    here = f"{PROJECT}/"
    found = subprocess.run(
        [shutil.which("git") or "git", "grep", "-lF", here],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_lock_files_name_no_host():
    for lock in (PROJECT / "requirements.lock", PROJECT / "requirements-dev.lock"):
        assert "://" not in lock.read_text()
