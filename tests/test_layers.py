"""The direction of imports is a test: see `.importlinter`."""

import subprocess
import sys

from tests.conftest import PROJECT


def test_imports_go_one_way():
    check = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ran = subprocess.run(
        [sys.executable, "-c", check], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stdout[-2000:]


def test_help_and_children_start_without_heavy_packages():
    """pandas, DuckDB and Presidio are imported where used: `--help` and a child must not pay for them."""
    heavy = "{'pandas', 'duckdb', 'presidio_analyzer', 'presidio_anonymizer', 'spacy', 'phonenumbers'}"
    for module in ("pipeline.cli", "pipeline.run", "pipeline.engines.protecting"):
        code = f"import sys, {module}; found = {heavy} & set(sys.modules); sys.exit(str(sorted(found)) if found else 0)"
        ran = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"{module}: {ran.stderr}"
