"""FF1, format-preserving encryption (NIST SP 800-38G, algorithms 7 and 8), one message at a time.

A message is a sequence of numerals below the radix; its encryption has the same radix and the same length.
This is the plain path: Python integers, every radix from 2 to 65,536, every length. `transforms.ff1_column`
does the same for whole columns and falls back to this one; a test holds both equal.

Guarantee and price: a pseudorandom permutation of the radix^n messages under key and tweak. FF1 is
deterministic (equal messages look equal) and unauthenticated (a wrong key or tweak gives another message, not
an error). Revision 1 of the standard asks for radix^n >= 1,000,000, and so does every function here unless
told otherwise: with fewer messages a codebook is soon complete, and attacks on small domains apply.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from transforms.errors import BadParameter, WeakChoice

MINIMUM_DOMAIN = 1_000_000  # SP 800-38G revision 1, section 5.1
FORMER_MINIMUM_DOMAIN = 100  # SP 800-38G (2016), section 5.1: what published vectors may use
ROUNDS = 10
BLOCK = 16  # bytes


@dataclass(frozen=True)
class Shape:
    """What follows from radix and length alone; the letters are those of algorithm 7."""

    radix: int
    n: int  # numerals of a message

    @property
    def u(self) -> int:
        """Numerals of the left half."""
        return self.n // 2

    @property
    def v(self) -> int:
        """Numerals of the right half."""
        return self.n - self.u

    @cached_property
    def b(self) -> int:
        """Bytes that hold a right half: ceil(ceil(v * log2(radix)) / 8), in exact integers."""
        largest: int = self.radix**self.v - 1
        return (largest.bit_length() + 7) // 8

    @property
    def d(self) -> int:
        """Bytes of round output that are reduced: 4 * ceil(b / 4) + 4."""
        return 4 * ((self.b + 3) // 4) + 4

    def numerals(self, round_number: int) -> int:
        """Length m of the half that the round changes: u in even rounds, v in odd ones."""
        return self.v if round_number % 2 else self.u

    def first_block(self, tweak_length: int) -> bytes:
        """P of step 5."""
        return (
            bytes([1, 2, 1])
            + self.radix.to_bytes(3, "big")
            + bytes([ROUNDS, self.u % 256])
            + self.n.to_bytes(4, "big")
            + tweak_length.to_bytes(4, "big")
        )


def shape_of(radix: int, n: int, minimum_domain: int = MINIMUM_DOMAIN) -> Shape:
    """The shape of messages of `n` numerals.

    Raises BadParameter outside the standard (radix 2..65536, at least 2 numerals, below 2^32) and
    WeakChoice below `minimum_domain` messages, which can be lowered to 100, never further.
    """
    if not 2 <= radix <= 1 << 16:
        raise BadParameter(f"FF1: radix must be from 2 to 65536, not {radix}")
    if not 2 <= n < 1 << 32:
        raise BadParameter("FF1: a message must have at least 2 numerals and fewer than 2^32")
    least = max(minimum_domain, FORMER_MINIMUM_DOMAIN)
    few = n < least.bit_length()  # longer messages suffice at any radix, and need no huge power
    if few and radix**n < least:
        raise WeakChoice(f"FF1: {radix}^{n} = {radix**n:,} possible messages, at least {least:,} required")
    return Shape(radix, n)


def block_cipher(key: bytes) -> Callable[[bytes, bytearray | memoryview], int]:
    """AES on whole blocks: (blocks, buffer with room for them and 15 bytes more) -> bytes written.

    Raises BadParameter unless the key has 16, 24 or 32 bytes.
    """
    if len(key) not in (16, 24, 32):
        raise BadParameter("FF1: the key must have 16, 24 or 32 bytes")
    # A single block under ECB is AES itself, which FF1 builds on; no message is ever encrypted in ECB mode.
    return Cipher(AES(key), ECB()).encryptor().update_into  # noqa: S305


def encrypt(
    key: bytes, tweak: bytes, message: Sequence[int], radix: int, *, minimum_domain: int = MINIMUM_DOMAIN
) -> list[int]:
    """Encrypt one message (algorithm 7). Raises BadParameter, WeakChoice (see `shape_of`)."""
    shape = shape_of(radix, len(message), minimum_domain)
    prf = _round_function(key, tweak, shape)
    a, b = _halves(message, shape)
    for i in range(ROUNDS):
        a, b = b, (a + prf(i, b)) % radix ** shape.numerals(i)  # steps 6.v to 6.ix
    return _numerals(a, radix, shape.u) + _numerals(b, radix, shape.v)


def decrypt(
    key: bytes, tweak: bytes, message: Sequence[int], radix: int, *, minimum_domain: int = MINIMUM_DOMAIN
) -> list[int]:
    """Decrypt one message (algorithm 8). Raises BadParameter, WeakChoice (see `shape_of`)."""
    shape = shape_of(radix, len(message), minimum_domain)
    prf = _round_function(key, tweak, shape)
    a, b = _halves(message, shape)
    for i in reversed(range(ROUNDS)):
        a, b = (b - prf(i, a)) % radix ** shape.numerals(i), a
    return _numerals(a, radix, shape.u) + _numerals(b, radix, shape.v)


def _round_function(key: bytes, tweak: bytes, shape: Shape) -> Callable[[int, int], int]:
    """(round number, right half as an integer) -> y of step 6.iv."""
    encrypt_blocks = block_cipher(key)
    b, d = shape.b, shape.d
    padding = bytes((-len(tweak) - b - 1) % BLOCK)
    head = shape.first_block(len(tweak)) + tweak + padding

    def cipher(block: bytes) -> bytes:
        out = bytearray(BLOCK + BLOCK - 1)
        encrypt_blocks(block, out)
        return bytes(out[:BLOCK])

    def chain(state: bytes, blocks: bytes) -> bytes:
        for start in range(0, len(blocks), BLOCK):  # algorithm 6, PRF: CBC-MAC from a zero block
            state = cipher(_xor(state, blocks[start : start + BLOCK]))
        return state

    whole = len(head) // BLOCK * BLOCK  # these blocks are the same in every round
    start, rest = chain(bytes(BLOCK), head[:whole]), head[whole:]

    def y(i: int, half: int) -> int:
        r = chain(start, rest + bytes([i]) + half.to_bytes(b, "big"))  # steps 6.i and 6.ii
        s = r  # step 6.iii
        for j in range(1, -(-d // BLOCK)):
            s += cipher(_xor(r, j.to_bytes(BLOCK, "big")))
        return int.from_bytes(s[:d], "big")

    return y


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(BLOCK, "big")


def _halves(message: Sequence[int], shape: Shape) -> tuple[int, int]:
    """Steps 1 and 2, halves as integers. Raises BadParameter when a numeral is not below the radix."""
    if any(not 0 <= numeral < shape.radix for numeral in message):
        raise BadParameter("FF1: every numeral must be at least 0 and below the radix")
    return _number(message[: shape.u], shape.radix), _number(message[shape.u :], shape.radix)


def _number(numerals: Sequence[int], radix: int) -> int:
    """NUM_radix (algorithm 1)."""
    value = 0
    for numeral in numerals:
        value = value * radix + int(numeral)
    return value


def _numerals(value: int, radix: int, m: int) -> list[int]:
    """STR_radix^m (algorithm 3)."""
    found = [0] * m
    for place in range(m - 1, -1, -1):
        value, found[place] = divmod(value, radix)
    return found
