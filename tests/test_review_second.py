"""Findings of the second review, each as the case that showed it."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import InputUnreadable
from pipeline.protect import remembered
from pipeline.protect.remembered import Remembered
from pipeline.release.checksums import candidates
from pipeline.release.identities import identities_of
from pipeline.release.normalized import forms_of
from pipeline.release.own_row import Published, cells_of, search
from tests import statistics_job
from tests.small_job import DATE, make_job
from tests.statistics_job import events, run
from tests.test_engines_starting import run as run_script
from transforms.alphabet import ALPHABETS
from transforms.ff1_text import Cipher, encrypt_text
from transforms.token_form import FormatPreserved

KEY = bytes(range(16))
job, noisy = statistics_job.job, statistics_job.noisy  # fixtures


def test_a_run_that_is_refused_charges_no_budget(noisy):
    """Mostly unreadable input stops the run with 4; the repaired night then finds its budget untouched."""
    feed = next((noisy.folder / f"in/orders/{DATE}").glob("*.csv"))
    good = feed.read_bytes()
    feed.write_bytes(good + b"broken,record\r\n" * 900)
    with pytest.raises(InputUnreadable):
        run(noisy)
    assert events(noisy, "charged") == 0
    feed.write_bytes(good)
    assert run(noisy).exit_code == 0
    assert events(noisy, "charged") == 1


@pytest.mark.parametrize("size", [11, 13, 40])
def test_long_identities_are_found_in_columns_of_few_cells(size):
    """A cookie of 88, 104 or 320 characters in its own row's note."""
    cookie = "a1B2c3D4" * size
    raw = pa.array([cookie, "q" * 60 + "9"]).dictionary_encode()
    identities = identities_of({"cookie": raw}, {"cookie": "cookie"}, KEY)
    step = SimpleNamespace(
        column="note",
        transform=SimpleNamespace(transform="redact_text"),
        data_class="free_text",
        context=SimpleNamespace(domain="free_text"),
    )
    cells = cells_of(step, pa.array([f"session {cookie} failed", "nothing"]))
    found = list(search([Published(0, (cells,), frozenset(), np.arange(2))], identities, None, KEY))
    assert [(one.column, one.data_class, one.cells) for one in found] == [("note", "cookie", 1)]


def test_one_phone_among_thousands_of_cells_with_numbers_is_a_candidate():
    """Every cell competes for attention here: each has a plus and more than fourteen digits."""
    notes = [f"parcel +1 {i:05d}, see order 12345678901234 no {i}" for i in range(20_000)]
    notes[12_345] = "call +61412345678 instead"
    values = pa.array(notes)
    texts, _ = candidates(values, forms_of(values), frozenset())["mobile_phone"]
    assert any("61412345678" in text for text in texts)


def test_fixed_points_of_cards_are_redacted():
    """Under this key FF1 maps the middle of this card to itself; its check digit alone would differ."""
    form = FormatPreserved(
        alphabet=ALPHABETS["digits"],
        keep_prefix=6,
        keep_suffix=3,
        scheme="luhn",
        checked=tuple(range(12, 20)),
        check="invalid",
        tag="[BANK_CARD]",
    )
    cards = pa.array(["4111113629216234", "4111111111111111"])
    tokens = encrypt_text(Cipher(bytes([3]) * 32, "r", "bank_card"), form, cards).to_pylist()
    assert tokens[0] == "[BANK_CARD]"
    assert tokens[1] != "[BANK_CARD]"


def test_a_parent_that_ignores_its_childrens_end_can_still_wait_for_them(tmp_path):
    script = """
        import signal
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        with LocalEngine(1) as engine:
            engine.unlock(keys(), Path(sys.argv[1]))
            assert len(engine.map_slices(Look(), [cut_of("orders", 2)], Silent())) == 2
        print("ended")
    """
    found = run_script(script, str(tmp_path))
    assert found.stdout == "ended\n", found.stderr


def test_remembered_values_are_bounded_like_their_tokens(monkeypatch):
    """Half of each batch comes back, so that the column is not let go; its values are long, its tokens short."""
    monkeypatch.setattr(remembered, "MOST_BYTES", 10_000)
    known = Remembered(lambda values: pa.array(["t" * 32] * len(values), pa.string()))
    codes = pa.array(np.arange(10, dtype=np.int32))
    for batch in range(8):
        known(pa.array([f"{batch if i % 2 else 0}-{i}-" + "x" * 400 for i in range(10)]), codes)
        assert len(known._values.array().to_pylist()) * 400 <= 10_000
    assert len(known._values.array().to_pylist()) * 400 > 6_000


def test_a_changed_file_of_recognizers_is_a_changed_input(tmp_path):
    """What texts are searched with decides what is published: the next run must ask, not say `unchanged`."""
    patterns = """recognizers:
  - name: staff
    supported_language: en
    supported_entity: STAFF_ID
    patterns: [{name: staff, regex: "ST[0-9]{%s}", score: 0.9}]
"""
    changed = make_job(tmp_path)
    rule = '{transform: redact_text, names: false, recognizers: [mine.yaml], accept_residual: "a test"}'
    changed.change("analysts.yaml", "free_text: {transform: drop}", f"free_text: {rule}")
    (changed.folder / "mine.yaml").write_text(patterns % 4)
    words = ("--recipient", "analysts", "--workers", "1")
    first = changed.run(*words)
    assert first.returncode == 0, first.stderr
    assert "unchanged" in changed.run(*words).stdout
    (changed.folder / "mine.yaml").write_text(patterns % 5)
    again = changed.run(*words)
    assert again.returncode == 2 and "--supersede" in again.stderr
