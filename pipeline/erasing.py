"""Erase subjects: shred their keys, withhold them from every later run, and say where they went before.

The order matters, because the process may be killed at any step: what is in reach is looked up while it can still be
read, then the key store remembers the erasure and shreds, then the tombstone follows, then the receipt. Whatever was
begun is finished by the next run (see `subject_keys.settle`) or by erasing again, which is always allowed.
"""

import getpass
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.config.loading import Config, load_config
from pipeline.errors import CheckFailed, JobWrong, nearest
from pipeline.keys import open_keyring, read_file
from pipeline.keys.subject_changes import erase_subjects
from pipeline.keys.subject_store import SubjectDigests, SubjectStore, store_directory
from pipeline.protect.known_subjects import subject_words
from pipeline.protect.subjects import ACCOUNT, id_of, subject_of
from pipeline.release.fates import fate_of
from pipeline.release.publish import RELEASES, remove_leftovers
from pipeline.release.refused_tokens import remember, tokens_in_tree
from pipeline.state import LedgerEntry, State, anchor, open_state, write_receipt
from pipeline.state.anchors import ERASE, anchored, erased_under, erasing
from pipeline.state.budget import open_budget
from pipeline.state.budget_tables import FILE as BUDGET
from pipeline.state.subject_index import holds, read_index
from pipeline.statistics.over_time_forgetting import NOT_KEPT, forget_people, told_of
from pipeline.subject_keys import anchor_name, refuse_older, settle
from transforms import Keyring

MOST_SUBJECTS = 10_000
_NOT_REACHED = (
    "copies of the key store in backups, snapshots and spare blocks of a disk; what recipients hold in clear, masked or"
    " generalized; the mall's own input files and backups of them"
)
_UNINDEXED = "was published before there was a subject index: nobody knows whether it held the subject"


@dataclass(frozen=True)
class Erasure:
    """One subject on its way out. Holds the raw id: it never leaves this process."""

    data_class: str
    ids: pa.Array  # one text for each way in which the id may be written: as given, and in its normal form
    digest: bytes  # by which tombstones and key store know it
    word: int  # by which the subject index knows it

    def __repr__(self) -> str:
        """No id."""
        return f"Erasure({self.digest.hex()})"


def erase(
    job: Path,
    state: Path,
    out: Path,
    ids: Sequence[str],
    reason: str,
    *,
    data_class: str | None = None,
    replay: bool = False,
    base: Path | None = None,
) -> dict[str, Any]:
    """Erase subjects and return the receipt, which is kept under the state.

    With `replay`, erasures that the state remembers are carried out again on a key store that was put back from an old
    backup; `ids` may be empty then. Raises LockHeld while a run is under way, KeyUnavailable, JobWrong.
    """
    base = base or Path.cwd()
    config = load_config(job, base)
    ref = config.job.keyring
    keyring = open_keyring(ref, base, for_new_tokens=False)
    data_class = _class_of(config, data_class)
    given = _checked(ids, replay=replay)
    store = open_state(base / state)
    directory = store_directory(ref, base)
    name = read_file(ref, base).name
    with store.lock():
        refuse_older(ref, base, store)
        if replay:
            _replay(directory, keyring, store, reason, name)
        keys = settle(ref, base, keyring, store)
        remove_leftovers(base / out)
        erasures = _erasures(data_class, given, keyring)
        for one in erasures:
            store.audit.append(
                who=getpass.getuser(), action=ERASE, what=erasing(one.digest, name), reason=reason
            )
        ring = keyring if keys is None else keyring.with_subject_keys(keys)
        batch = secrets.token_hex(8)
        found = [_Search(store, ring, base / out, one, keys, batch).run() for one in erasures]
        if erasures:
            after = erase_subjects(directory, keyring, [one.digest for one in erasures])
            anchor(store, anchor_name(name), after.file.generation, f"erased {len(erasures)} subjects")
        for one in erasures:
            store.tombstones.add(one.digest)
        kept = _forget_in_statistics(store, base / out, erasures)
        found = [{**told, "statistics_kept": says} for told, says in zip(found, kept, strict=True)]
        receipt = {
            "what": "subjects erased",
            "at": store.clock().isoformat(timespec="seconds"),
            "who": getpass.getuser(),
            "reason": reason,
            "replayed": replay,
            "subjects": found,
            "not_reached": _NOT_REACHED,
        }
        path = write_receipt(store, "erasure", receipt)
    return {**receipt, "receipt": path.name}


def _forget_in_statistics(store: State, out: Path, erasures: Sequence[Erasure]) -> list[str]:
    """Replace erased people in what the guard over time keeps; say for each what stays."""
    if not erasures or not (store.root / BUDGET).exists():
        return [NOT_KEPT] * len(erasures)
    words = np.array([one.word for one in erasures], dtype=np.uint64)
    subjects = pa.concat_arrays([subject_of(ACCOUNT, one.ids.slice(0, 1)) for one in erasures])
    found = forget_people(store, open_budget(store), out, words, subjects)
    return told_of(words.tolist(), found)


def _replay(directory: Path, keyring: Keyring, store: State, reason: str, name: str) -> None:
    store.audit.append(who=getpass.getuser(), action="replay erasures", what=directory.name, reason=reason)
    known = anchored(store, anchor_name(name))
    after = erase_subjects(directory, keyring, sorted(erased_under(store, name)), at_least=known)
    anchor(store, anchor_name(name), after.file.generation, "replayed erasures on a store that was put back")


def _class_of(config: Config, data_class: str | None) -> str:
    known = sorted(
        {config.catalog[name][c] for name, table in config.job.tables.items() for c in table.subject_columns}
    )
    if data_class is None:
        if ACCOUNT in known:
            return ACCOUNT
        if len(known) == 1:
            return known[0]
        raise JobWrong("--class must say what the id is", hint=f"the job's subjects: {', '.join(known)}")
    if data_class not in known:
        raise JobWrong(
            f"no table's subject is of class {data_class}",
            hint=nearest(data_class, known) or ", ".join(known),
        )
    return data_class


def _checked(ids: Sequence[str], *, replay: bool) -> list[str]:
    given = list(dict.fromkeys(ids))
    if not given and not replay:
        raise JobWrong(
            "erase needs a subject", hint="--subject ID, or --subject-file FILE with one id a line"
        )
    if len(given) > MOST_SUBJECTS:
        raise JobWrong(f"erase takes at most {MOST_SUBJECTS:,} subjects at a time, got {len(given):,}")
    if any(not one.strip() for one in given):
        raise JobWrong("a subject's id must not be empty or of blanks only")
    return given


def _erasures(data_class: str, given: Sequence[str], keyring: Keyring) -> list[Erasure]:
    """One a subject, in the order of their first ids."""
    subjects = subject_of(data_class, pa.array(given, pa.string()))
    written: dict[str, list[str]] = {}
    for one, subject in zip(given, subjects.to_pylist(), strict=True):
        written.setdefault(subject, []).append(one)
    names = pa.array(written, pa.string())
    digests, words = SubjectDigests(keyring)(names), subject_words(keyring, names).tolist()
    return [
        Erasure(data_class, pa.array(dict.fromkeys([*ids, id_of(subject)]), pa.string()), digest, word)
        for (subject, ids), digest, word in zip(written.items(), digests, words, strict=True)
    ]


@dataclass(frozen=True)
class _Search:
    """Where one subject went: every published release, newest first."""

    store: State
    keyring: Keyring
    out: Path
    erasure: Erasure
    keys: SubjectStore | None
    name: str

    def run(self) -> dict[str, Any]:
        releases, unknown = [], []
        refused: list[tuple[str, str, pa.Array]] = []
        for entry in reversed(self._published()):
            try:
                index = read_index(self.store, entry)
                if index is None:
                    unknown.append({**_named(entry), "why": _UNINDEXED})
                    continue
                release = self._release(entry, index, refused)
            except CheckFailed as error:
                unknown.append({**_named(entry), "why": error.problems[0].message})
                continue
            if release is not None:
                releases.append(release)
        digest = self.erasure.digest
        remember(self.store, self.keyring, f"{self.name}-{digest.hex()}", refused)
        return {
            "subject": digest.hex(),
            "class": self.erasure.data_class,
            "key": self._key(),
            "releases": releases,
            "unknown": unknown,
        }

    def _published(self) -> list[LedgerEntry]:
        return [entry for entry in self.store.ledger.entries() if entry.kind == "published"]

    def _key(self) -> str:
        if self.keys is None:
            return "had none"
        if self.erasure.digest.hex() in self.keys.file.erased:
            return "was destroyed before"
        return "destroyed" if self.keys.keys([self.erasure.digest])[0] else "had none"

    def _release(
        self, entry: LedgerEntry, index: Mapping[str, Any], refused: list[tuple[str, str, pa.Array]]
    ) -> dict[str, Any] | None:
        tables = [t for t in index["tables"] if holds(self.store, t["set"], self.erasure.word)]
        if not tables:
            return None
        link = self.out / entry.recipient / entry.date
        shown = link.is_symlink() and str(link.readlink()) == f"{RELEASES}/{entry.tree}"
        columns = [
            column
            for table in tables
            for column in self._columns(entry, index, table, link, refused, shown=shown)
        ]
        statistics = [f"{table['table']}: {name}" for table in tables for name in table["statistics"]]
        return {
            **_named(entry),
            "purpose": index["purpose"],
            "key_id": index["key_id"],
            "tree": "published here" if shown else "removed here" if link.is_symlink() else "not here",
            "columns": columns,
            "statistics": statistics,
        }

    def _columns(
        self,
        entry: LedgerEntry,
        index: Mapping[str, Any],
        table: Mapping[str, Any],
        link: Path,
        refused: list[tuple[str, str, pa.Array]],
        *,
        shown: bool,
    ) -> list[dict[str, str]]:
        one = self.erasure
        tokens = (
            tokens_in_tree(link, index, table, one.data_class, one.ids, self.keyring) if shown else None
        ) or {}
        refused += [
            (entry.recipient, f"{table['table']}.{name}", found)
            for name, found in tokens.items()
            if len(found)
        ]
        columns = []
        for column in table["columns"]:
            names_subject = column["class"] == one.data_class and column["column"] in table["subject"]
            fate, says = fate_of(
                column,
                key_destroyed=index["key_id"] not in self.keyring.key_ids,
                tokens_known=column["column"] in tokens,
                names_subject=names_subject,
            )
            columns.append(
                {
                    "table": table["table"],
                    "column": column["column"],
                    "class": column["class"],
                    "transform": column["transform"]["transform"],
                    "fate": fate,
                    "says": says,
                }
            )
        return columns


def _named(entry: LedgerEntry) -> dict[str, str]:
    return {"recipient": entry.recipient, "date": entry.date, "run": entry.run}
