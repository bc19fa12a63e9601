"""Consent: the newest line counts, nothing is guessed, and each row has one reason."""

import hashlib
import pickle
import stat
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.models import ConsentSource
from pipeline.errors import InputUnreadable, JobWrong
from pipeline.protect.consent import (
    Consent,
    Tombstones,
    Withholding,
    load_consent,
    make_withholding,
    read_withholding,
    refuse_older,
    withheld,
    write_withholding,
)
from pipeline.protect.subjects import resolve_subject, subject_of

HEADER = "account_id,purpose,granted,as_of,minor"


def consent(directory: Path, *lines: str, header: str = HEADER) -> Consent:
    (directory / "consent.csv").write_text("\n".join([header, *lines, ""]), newline="")
    return load_consent(ConsentSource(path="consent.csv"), directory)


def accounts(*ids: str | None) -> pa.Array:
    return resolve_subject([("account_id", pa.array(ids, pa.string()))])


def reasons(
    found: Consent | None, purpose: str, *ids: str | None, basis: str = "consent", minors: Sequence[str] = ()
) -> list[str | None]:
    withholding = make_withholding(found, accounts(*minors))
    answer = withheld(withholding, basis, purpose, accounts(*ids))
    assert answer.type == pa.string()
    return answer.to_pylist()


def test_only_a_granted_newest_line_for_the_purpose_releases_a_row(tmp_path: Path) -> None:
    found = consent(
        tmp_path,
        "yes,research,true,2026-01-01,false",
        "withdrew,research,true,2026-01-01,false",
        "withdrew,research,false,2026-06-01,false",
        "returned,research,false,2026-01-01,false",
        "returned,research,true,2026-06-01,false",
        "otherwise,marketing,true,2026-01-01,false",
    )
    ids = ("yes", "withdrew", "returned", "otherwise", "stranger", None)
    no = "no_consent"
    assert reasons(found, "research", *ids) == [None, no, None, no, no, "no_subject"]
    assert reasons(found, "unheard_of", *ids) == [no, no, no, no, no, "no_subject"]


def test_other_bases_need_no_consent(tmp_path: Path) -> None:
    found = consent(tmp_path, "child,research,false,2026-01-01,true")
    for basis in ("contract", "legal"):
        assert reasons(found, "research", "child", "stranger", None, basis=basis) == [None, None, None]


@pytest.mark.parametrize(
    ("lines", "granted"),
    [
        (["a,p,true,2026-01-01,", "a,p,false,2026-01-01,"], False),
        (["a,p,true,2026-01-01T10:00Z,", "a,p,false,2026-01-01T10:00Z,"], False),
        (["a,p,true,2026-01-01T10:00:01Z,", "a,p,false,2026-01-01T10:00Z,"], True),
        (["a,p,true,2026-01-01T10:00+00:00,", "a,p,false,2026-01-01T12:00+02:00,"], False),
        (["a,p,true,2026-01-01T10:00+00:00,", "a,p,false,2026-01-01T11:00+02:00,"], True),
        (["a,p,true,2026-01-01T23:59:59Z,", "a,p,false,2026-01-01,"], False),
        (["a,p,true,2026-01-02,", "a,p,false,2026-01-01,"], True),
        (["a,p,true,2026-01-01,", "a,p,false,2026-01-01T00:00:00Z,"], False),
        (["a,p,true,2026-01-01 10:00:00.000002,", "a,p,false,2026-01-01 10:00:00.000001,"], True),
    ],
)
def test_among_equally_new_lines_the_denial_wins(lines: list[str], granted: bool, tmp_path: Path) -> None:
    for ordered in (lines, lines[::-1]):
        assert reasons(consent(tmp_path, *ordered), "p", "a") == [None if granted else "no_consent"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["p", "q"]),
            st.booleans(),
            st.integers(1, 4),
            st.sampled_from(["true", "false", ""]),
        )
    )
)
def test_the_newest_line_counts_against_a_recount(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str, bool, int, str]]
) -> None:
    directory = tmp_path_factory.mktemp("consent", numbered=True)
    found = consent(directory, *(f"{a},{p},{g},2026-01-0{d},{m}" for a, p, g, d, m in lines))
    for purpose in ("p", "q"):
        expected = []
        for account in "abc":
            # On one day a denial sorts before a grant, and a flag before its absence: the first counts.
            own = sorted((-d, g) for a, p, g, d, _ in lines if (a, p) == (account, purpose))
            flags = sorted((-d, m != "true") for a, _, _, d, m in lines if a == account and m)
            minor = bool(flags) and not flags[0][1]
            expected.append("minor" if minor else None if own and own[0][1] else "no_consent")
        assert reasons(found, purpose, *"abc") == expected


def test_minors_are_withheld_whoever_says_so(tmp_path: Path) -> None:
    found = consent(
        tmp_path,
        "flagged,p,true,2026-01-01,true",
        "grown,p,true,2026-01-01,true",
        "grown,q,true,2026-06-01,false",
        "silent,p,true,2026-01-01,yes",
        "silent,q,true,2026-06-01,",
        "shown,p,true,2026-01-01,0",
    )
    ids = ("flagged", "grown", "silent", "shown", "stranger")
    assert reasons(found, "p", *ids, minors=["shown", "stranger"]) == [
        "minor",
        None,
        "minor",
        "minor",
        "minor",
    ]


def test_among_equally_new_lines_the_flag_of_a_minor_wins(tmp_path: Path) -> None:
    lines = ["a,p,true,2026-01-01T10:00Z,true", "a,q,true,2026-01-01T10:00Z,false"]
    for ordered in (lines, lines[::-1]):
        assert reasons(consent(tmp_path, *ordered), "p", "a") == ["minor"]


def test_a_flag_of_a_minor_without_a_time_counts_for_its_whole_day(tmp_path: Path) -> None:
    """As a denial does: a flag taken back at noon of the same day is not taken back; on the next day it is."""
    flagged = "a,p,true,2026-01-01,true"
    assert reasons(consent(tmp_path, flagged, "a,q,true,2026-01-01T12:00Z,false"), "p", "a") == ["minor"]
    assert reasons(consent(tmp_path, flagged, "a,q,true,2026-01-02T00:00Z,false"), "p", "a") == [None]
    early = "a,q,true,2026-01-01,false"  # an absence without a time counts from the day's beginning
    assert reasons(consent(tmp_path, "a,p,true,2026-01-01T12:00Z,true", early), "p", "a") == ["minor"]


def test_an_account_and_a_device_of_one_name_are_two(tmp_path: Path) -> None:
    found = consent(tmp_path, "x1,p,true,2026-01-01,")
    device = subject_of("device_id", pa.array(["x1"]))
    assert withheld(make_withholding(found), "consent", "p", device).to_pylist() == ["no_consent"]


def test_erased_subjects_are_withheld_on_every_basis(tmp_path: Path) -> None:
    withholding = make_withholding(consent(tmp_path, "a,p,true,2026-01-01,", "b,p,true,2026-01-01,true"))

    def digest(subjects: pa.Array) -> pa.Array:
        assert subjects.null_count == 0
        return pa.array(
            [hashlib.sha256(text.encode()).digest() for text in subjects.to_pylist()], pa.binary(32)
        )

    erased = frozenset(digest(accounts("a", "b")).to_pylist())
    subject = accounts("a", "c", None, "b", "a")
    for basis in ("contract", "legal"):
        answer = withheld(withholding, basis, "p", subject, Tombstones(erased, digest))
        assert answer.to_pylist() == ["erased", None, None, "erased", "erased"]
    answer = withheld(withholding, "consent", "p", subject, Tombstones(erased, digest))
    assert answer.to_pylist() == ["erased", "no_consent", "no_subject", "erased", "erased"]
    assert withheld(withholding, "legal", "p", subject, Tombstones(frozenset(), digest)).null_count == 5
    assert (
        withheld(withholding, "legal", "p", subject.slice(0, 0), Tombstones(erased, digest)).to_pylist() == []
    )


def test_dictionary_encoded_subjects_give_the_same_answer(tmp_path: Path) -> None:
    withholding = make_withholding(consent(tmp_path, "a,p,true,2026-01-01,"))
    subject = accounts("a", None, "b", "a")
    plain = withheld(withholding, "consent", "p", subject)
    assert withheld(withholding, "consent", "p", subject.dictionary_encode()).equals(plain)


def test_children_map_the_withholding_from_a_file(tmp_path: Path) -> None:
    found = consent(tmp_path, "a,p,true,2026-01-01,", "b,q,true,2026-01-01,yes", "c,q,false,2026-01-01,")
    written = make_withholding(found, accounts("d"))
    write_withholding(written, tmp_path / "withholding.arrow")
    read = read_withholding(tmp_path / "withholding.arrow")
    assert stat.S_IMODE((tmp_path / "withholding.arrow").stat().st_mode) == 0o600
    for purpose in ("p", "q", "unheard_of"):
        for subject in (accounts("a", "b", "c", "d", None), accounts()):
            answers = [withheld(w, "consent", purpose, subject) for w in (written, read)]
            assert answers[0].equals(answers[1])
    nobody = Withholding({}, pa.array([], pa.large_string()))
    write_withholding(nobody, tmp_path / "nobody.arrow")
    assert withheld(
        read_withholding(tmp_path / "nobody.arrow"), "consent", "p", accounts("a")
    ).to_pylist() == ["no_consent"]


# ------------------------------------------------------------------ the file


def test_a_missing_file_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match="missing") as raised:
        load_consent(ConsentSource(path="nowhere.csv"), tmp_path)
    assert raised.value.exit_code == 4


GOOD = "good,p,true,2026-01-01,false"


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ("SECRET,p,true,2026-01-01", "five fields"),
        ("SECRET,p,true,2026-01-01,false,", "five fields"),
        ("SECRET,p,perhaps,2026-01-01,false", "granted must be"),
        ("SECRET,p,,2026-01-01,false", "granted must be"),
        ("SECRET,p,true,2026-01-01,perhaps", "minor must be"),
        ("SECRET,p,true,01/02/2026,false", "as_of must be"),
        ("SECRET,p,true,,false", "as_of must be"),
        ("SECRET,p,true,2026-02-30,false", "of the calendar"),
        ("SECRET,p,true,2026-01-01T25:00Z,false", "of the calendar"),
        (",p,true,2026-01-01,false", "account_id is empty"),
        (" SECRET,p,true,2026-01-01,false", "account_id is empty"),
        ("SECRET,,true,2026-01-01,false", "purpose must be"),
        ("SECRET,All Purposes,true,2026-01-01,false", "purpose must be"),
        ('"SECRET\nx",p,true,2026-01-01,false', "line end"),
        ("", "account_id is empty"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_line_that_cannot_be_read_is_named_without_its_values(
    bad: str, what: str, before: int, tmp_path: Path
) -> None:
    with pytest.raises(InputUnreadable, match=what) as raised:
        consent(tmp_path, *[GOOD] * before, bad, GOOD)
    assert f"line {before + 2}:" in str(raised.value)
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_quotation_mark_that_is_never_closed_swallows_no_withdrawal(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable):
        consent(
            tmp_path, GOOD, 'a,p,true,2026-01-01,"', "good,p,false,2026-02-01,false", 'b,p,true,2026-01-01,"'
        )


@pytest.mark.parametrize(
    "header",
    [
        "account_id,purpose,granted,as_of",
        HEADER + ",note",
        "account,purpose,granted,as_of,minor",
        HEADER + ",minor",
    ],
)
def test_the_header_names_exactly_the_five_columns(header: str, tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match="line 1: the header"):
        consent(tmp_path, header=header)


def test_bytes_that_are_no_utf8_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "consent.csv").write_bytes(f"{HEADER}\n{GOOD}\n".encode() + b"\xff\xfe,p,true,2026-01-01,\n")
    with pytest.raises(InputUnreadable, match="line 3: is no UTF-8"):
        load_consent(ConsentSource(path="consent.csv"), tmp_path)


def test_columns_come_in_any_order_with_quotes_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    content = '\ufeffminor,as_of,granted,purpose,account_id\r\n"no","2026-01-01","TRUE","p","007"\r\n'
    (tmp_path / "consent.csv").write_text(content, newline="")
    found = load_consent(ConsentSource(path="consent.csv"), tmp_path)
    assert (found.lines, found.newest) == (1, "2026-01-01T00:00:00.000000Z")
    assert reasons(found, "p", "007", "7") == [None, "no_consent"]


def test_ids_that_look_like_nulls_or_numbers_stay_text(tmp_path: Path) -> None:
    found = consent(
        tmp_path, *(f"{name},p,true,2026-01-01," for name in ("NULL", "NA", "nan", "1e5", "0010"))
    )
    assert reasons(found, "p", "NULL", "NA", "nan", "1e5", "0010", "10", "100000") == [
        *[None] * 5,
        *["no_consent"] * 2,
    ]


def test_an_older_file_is_refused(tmp_path: Path) -> None:
    newer = consent(tmp_path, "a,p,true,2026-01-01,", "a,p,false,2026-06-01,")
    older = consent(tmp_path, "a,p,true,2026-01-01,")
    empty = consent(tmp_path)
    assert len({newer.digest, older.digest, empty.digest}) == 3
    refuse_older(newer, older.newest)
    refuse_older(newer, newer.newest)
    refuse_older(empty, "")
    for file in (older, empty):
        with pytest.raises(JobWrong, match="consent file ends at"):
            refuse_older(file, newer.newest)


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    found = consent(tmp_path, GOOD)
    assert found.digest == hashlib.sha256((tmp_path / "consent.csv").read_bytes()).hexdigest()


def test_nothing_that_holds_subjects_shows_them(tmp_path: Path) -> None:
    found = consent(tmp_path, "SECRET,p,true,2026-01-01,true")
    withholding = make_withholding(found)
    assert "SECRET" not in f"{found!r} {withholding!r} {Tombstones(frozenset({b'SECRET'}), len)!r}"
    assert pickle.loads(pickle.dumps(withholding)).minors.equals(withholding.minors)  # noqa: S301 (our own)
