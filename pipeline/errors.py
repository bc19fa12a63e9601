"""Every way a command can end other than well, with its exit code.

    PouchError                        exit
    ├── CheckFailed                     1   a check failed, or a difference was found
    ├── JobWrong                        2   job, policy or usage wrong
    │   └── NotBuilt                    2   named in the design, not built yet
    ├── KeyUnavailable                  3   key missing, or the wrong one
    ├── InputUnreadable                 4
    ├── TransformUnsuitable             5   transform unsuitable for a column
    ├── RiskLimitPassed                 6
    ├── LeakFound                       7   the gate found a leak
    ├── PublishFailed                   8   nothing changed
    ├── TokenRejected                   9
    ├── BudgetExhausted                10
    ├── Drift                          11   unknown column, or a clean column no longer clean
    ├── LockHeld                       12   another run holds the lock
    └── InternalError                  70   a defect of Pouch

Several problems found together travel in one error; its exit code is the smallest.
No message ever holds a value of the data.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transforms.errors import TransformError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what must be and what it is (never a value), and a hint."""

    code: int
    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """One sentence, and a hint on a line of its own."""
        sentence = f"{self.where}: {self.message}" if self.where else self.message
        return f"{sentence}\n  hint: {self.hint}" if self.hint else sentence


class PouchError(Exception):
    """Root of all errors that a user can meet. `problems` is never empty."""

    code = 70

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(self.code, where, message, hint),)
        super().__init__(str(self.problems[0]))

    @property
    def exit_code(self) -> int:
        """The smallest code among the problems."""
        return min(problem.code for problem in self.problems)


class CheckFailed(PouchError):
    """A check failed, or a difference was found."""

    code = 1


class JobWrong(PouchError):
    """Job, policy, catalog or usage is wrong."""

    code = 2


class NotBuilt(JobWrong):
    """The design names it, this version does not have it."""


class KeyUnavailable(PouchError):
    """A key is missing, locked, or the wrong one."""

    code = 3


class InputUnreadable(PouchError):
    """An input file is missing or cannot be read without losing records."""

    code = 4


class TransformUnsuitable(PouchError):
    """A transform does not suit a column's class or type."""

    code = 5


class RiskLimitPassed(PouchError):
    """A release would pass its risk limit."""

    code = 6


class LeakFound(PouchError):
    """The gate found a leak in staged bytes; nothing of that release was published."""

    code = 7


class PublishFailed(PouchError):
    """Publishing failed; what was published before is unchanged."""

    code = 8


class TokenRejected(PouchError):
    """A token was not made by this key for this recipient."""

    code = 9


class BudgetExhausted(PouchError):
    """The privacy budget does not cover the release."""

    code = 10


class Drift(PouchError):
    """The input is no longer what the catalog says."""

    code = 11


class LockHeld(PouchError):
    """Another run holds the lock."""

    code = 12


class InternalError(PouchError):
    """A defect of Pouch."""

    code = 70


ERRORS_BY_CODE: dict[int, type[PouchError]] = {
    error.code: error
    for error in (
        CheckFailed,
        JobWrong,
        KeyUnavailable,
        InputUnreadable,
        TransformUnsuitable,
        RiskLimitPassed,
        LeakFound,
        PublishFailed,
        TokenRejected,
        BudgetExhausted,
        Drift,
        LockHeld,
        InternalError,
    )
}


def error_of(problems: Iterable[Problem]) -> PouchError:
    """One error that carries all problems; its class is that of the smallest code."""
    ordered = tuple(sorted(problems, key=lambda problem: problem.code))
    if not ordered:
        raise ValueError("an error needs at least one problem")
    error = ERRORS_BY_CODE[ordered[0].code](ordered[0].message, where=ordered[0].where, hint=ordered[0].hint)
    error.problems = ordered
    error.args = ("\n".join(str(problem) for problem in ordered),)
    return error


def refuse(problems: Sequence[Problem]) -> None:
    """Raise one error for all problems; do nothing where there are none."""
    if problems:
        raise error_of(problems)


def problem_of(error: "TransformError", where: str, hint: str = "") -> Problem:
    """Map an error of `transforms` to a problem with its exit code."""
    from transforms import errors  # whoever has one has loaded it: the command line itself starts without

    codes: dict[type[TransformError], int] = {
        errors.BadParameter: JobWrong.code,
        errors.WeakChoice: JobWrong.code,
        errors.KeyUnavailable: KeyUnavailable.code,
        errors.UnsuitableColumn: TransformUnsuitable.code,
        errors.TokenRejected: TokenRejected.code,
        errors.ErasedSubject: TokenRejected.code,
    }
    return Problem(codes.get(type(error), InternalError.code), where, str(error), hint)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean …?` with the closest known name, or an empty string."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


WITHHELD_NAME = "(name withheld: it looks like data)"


def shown_name(name: str) -> str:
    """Return a column name as an error may show it; a name that could be a value is withheld.

    A file without its header line, or a JSON object keyed by phone numbers, would otherwise put values into logs.
    """
    plain = len(name) <= 64 and all(c.isalnum() or c in "_-. /" for c in name)
    digits = sum(c.isdigit() for c in name)
    return name if plain and digits <= 4 and name else WITHHELD_NAME


_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9]*(?:[_.-][A-Za-z0-9]+)*")
_MANY_KEYS = 5


def shown_keys(keys: Sequence[str]) -> list[str]:
    """Return unknown keys of JSON objects as an error may show them, each text once.

    Stricter than `shown_name`, because nobody declared them: only what is written like an identifier shows (no
    `Wei Zhang`, no `李雪梅`, no number plate), and nothing where there are many (a map keyed by nicknames).
    """
    shown = [key if _KEY.fullmatch(key) and shown_name(key) == key else WITHHELD_NAME for key in keys]
    return list(dict.fromkeys(shown)) if len(keys) <= _MANY_KEYS else [WITHHELD_NAME]
