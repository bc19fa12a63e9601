"""What becomes of one person's cells in a published column once that person is erased; said as it is."""

from collections.abc import Mapping
from typing import Any

from transforms import TRANSFORMS

UNRECOVERABLE = "unrecoverable"
CONTROL = "refused by control"
RECIPIENT = "in the recipient's hands"
KEY_HOLDER = "in the key holder's hands"  # neither shredded nor refused: said, not hidden
_NOT_TOLD = (
    "shared key, and this person's tokens could not be told from others' (no tree here, no column in it that names"
    " the subject, or the id written otherwise): pouch reveal does NOT refuse them; pouch keys destroy would close"
    " them"
)

_KINDS = {kind.model_fields["transform"].default: kind for kind in TRANSFORMS}


def made_with_key(column: Mapping[str, Any]) -> bool:
    """Whether cells of this column of the subject index are tokens of a key; in texts, whether an entity's are."""
    transform = column["transform"]
    if transform["transform"] == "redact_text":
        return any(_is_keyed(inner) for inner in transform.get("entities", {}).values())
    return _is_keyed(transform)


def _is_keyed(transform: Mapping[str, Any]) -> bool:
    kind = _KINDS.get(str(transform["transform"]))
    return kind is not None and kind.keyed


def fate_of(
    column: Mapping[str, Any], *, key_destroyed: bool, tokens_known: bool, names_subject: bool
) -> tuple[str, str]:
    """Return the fate and one sentence.

    Args:
        column: its entry of the subject index.
        key_destroyed: whether the master that made the release is gone.
        tokens_known: whether the erasure found this person's tokens in the published tree.
        names_subject: whether a revealed value is a subject, which the tombstones know.

    """
    name = str(column["transform"]["transform"])
    kind = _KINDS.get(name)
    keyed = name != "redact_text" and made_with_key(column)
    reversible = kind is not None and kind.reversible
    cases = (
        (column["transform"].get("per") == "subject", UNRECOVERABLE, "the subject's own key is destroyed"),
        (keyed and key_destroyed, UNRECOVERABLE, "the key of this release is destroyed"),
        (
            reversible and names_subject,
            CONTROL,
            "shared key; pouch reveal knows the erased subject and refuses",
        ),
        (
            reversible and tokens_known,
            CONTROL,
            "shared key; pouch reveal knows these tokens and refuses them",
        ),
        (reversible, KEY_HOLDER, _NOT_TOLD),
        (
            name == "keyed_hash",
            CONTROL,
            "nobody can turn it back; pouch tests no guess, the key holder could",
        ),
        (keyed, CONTROL, "it cannot be turned back without the key, and pouch does not"),
        (name == "sha256", RECIPIENT, "a hash without key: anybody can test a guess"),
        (name == "keep", RECIPIENT, "in clear"),
        (True, RECIPIENT, f"what {name} left of it"),
    )
    return next((fate, says) for applies, fate, says in cases if applies)
