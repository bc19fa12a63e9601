"""Anchors: how far keyring and key store had come, remembered where their backups do not reach.

Both have a generation that rises with every change. The audit log, which is hash-chained and kept apart from them,
notes it after each change; whoever puts an old one back meets a higher number here. A process killed between change
and note leaves the file ahead of its anchor, which is fine. Rolled back together with the state, nothing is noticed.
"""

from collections.abc import Mapping

from pipeline.errors import KeyUnavailable
from pipeline.state.database import reading
from pipeline.state.directory import State

ACTION = "anchor"
ERASE = "erase subject"
_WHO = "pouch"
_UNDER = " under "


def anchor(state: State, name: str, generation: int, reason: str) -> None:
    """Note that `name` has come to `generation`. Raises PublishFailed where the disk refuses."""
    if generation > anchored(state, name):
        state.audit.append(who=_WHO, action=ACTION, what=f"{name} generation {generation}", reason=reason)


def anchored(state: State, name: str) -> int:
    """The highest generation that was noted; 0 where there is none."""
    with reading(state.database) as database:
        rows = database.execute("SELECT what FROM audit WHERE action = ?", (ACTION,)).fetchall()
    prefix = f"{name} generation "
    return max((int(what.removeprefix(prefix)) for (what,) in rows if what.startswith(prefix)), default=0)


def erasing(digest: bytes, keyring: str) -> str:
    """What the audit log says of an erasure: the subject's digest, and the keyring under which it names the subject."""
    return f"{digest.hex()}{_UNDER}{keyring}"


def erased_under(state: State, keyring: str) -> frozenset[bytes]:
    """Tombstones whose digests belong to this keyring: another keyring's say nothing of its key store."""
    return erasures(state).get(keyring, frozenset())


def erasures(state: State) -> Mapping[str, frozenset[bytes]]:
    """Keyring -> tombstones whose digests belong to it; who stands under two keyrings has two digests."""
    with reading(state.database) as database:
        rows = database.execute("SELECT what FROM audit WHERE action = ?", (ERASE,)).fetchall()
    begun: dict[str, set[bytes]] = {}
    for (what,) in rows:
        digest, under, keyring = what.partition(_UNDER)
        if under:
            begun.setdefault(keyring, set()).add(bytes.fromhex(digest))
    done = state.tombstones.all()
    return {keyring: done & digests for keyring, digests in begun.items()}


def refuse_rolled_back(state: State, name: str, generation: int, where: str, hint: str) -> None:
    """Raise KeyUnavailable where what is there is older than what this state has seen."""
    known = anchored(state, name)
    if generation < known:
        raise KeyUnavailable(
            f"is older than the one used before (generation {generation}, and {known} was seen):"
            " a backup of before a rotation, destruction or erasure was put back",
            where=where,
            hint=hint,
        )
