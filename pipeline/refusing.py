"""What `pouch reveal` does not open: tokens of destroyed keys (exit 3) and of erased subjects (exit 9)."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.config.models import KeyringRef
from pipeline.errors import KeyUnavailable, TokenRejected
from pipeline.keys import describe, open_keyring
from pipeline.keys.subject_store import SubjectDigests
from pipeline.protect.subjects import subject_of
from pipeline.release.refused_tokens import are_refused
from pipeline.state import State
from pipeline.subject_keys import refuse_unknown_erasures, settle
from transforms import Keyring
from transforms.tokens import VERSION

ERASED = "a token belongs to an erased subject, and is not turned back"


def keyring_to_reveal(ref: KeyringRef, base: Path, store: State, tokens: Sequence[str]) -> Keyring:
    """The keyring for old tokens, with the keys of subjects; call it under the state's lock.

    Raises KeyUnavailable where a token names a destroyed key, or where an old keyring or key store was put back.
    """
    keyring = open_keyring(ref, base, for_new_tokens=False)
    named = {
        token.split(".")[1] for token in tokens if token.startswith(f"{VERSION}.") and token.count(".") == 2
    }
    for key in describe(ref, base):
        if key.state == "destroyed" and key.id in named:
            raise KeyUnavailable(
                f"key {key.id} was destroyed on {key.destroyed}; nobody can turn its tokens back",
                where=ref.file,
            )
    keys = settle(ref, base, keyring, store)
    refuse_unknown_erasures(ref, base, store)
    if keys is not None:
        keyring = keyring.with_subject_keys(keys)
    has_active = any(key.state == "active" for key in describe(ref, base))
    return keyring if has_active else keyring.with_active(keyring.key_ids[-1])


def refuse_erased(
    store: State,
    keyring: Keyring,
    recipient: str,
    column: str,
    data_class: str,
    tokens: Sequence[str],
    values: pa.Array,
) -> None:
    """Raise TokenRejected where a revealed value names an erased subject, or a token is known to be one's.

    The tombstones know subjects only by their digests, so this comes after decrypting and before anything is shown.
    """
    erased = store.tombstones.all()
    if not erased:
        return
    named = SubjectDigests(keyring)(subject_of(data_class, values.cast(pa.string())))
    if any(digest in erased for digest in named) or are_refused(
        store, keyring, recipient, column, pa.array(tokens, pa.string())
    ):
        raise TokenRejected(ERASED, where=f"{recipient}.{column}")
