"""What can go wrong inside a transform.

    TransformError
    ├── BadParameter       a parameter outside its range
    ├── UnsuitableColumn   the column's type or class does not suit the transform
    ├── WeakChoice         the result could be turned back by trying all values
    ├── KeyUnavailable     the keyring lacks the key
    └── TokenRejected      a token is no token of this key, recipient and column
        └── ErasedSubject  it is one, and the key of its subject was destroyed

No message ever holds a value of the column.
"""


class TransformError(Exception):
    """Root of all errors of this package."""


class BadParameter(TransformError):
    """A parameter is outside its range."""


class UnsuitableColumn(TransformError):
    """The column's type or class does not suit the transform."""


class WeakChoice(TransformError):
    """The result could be turned back by trying all possible values."""


class KeyUnavailable(TransformError):
    """The keyring does not hold the key that is asked for."""


class TokenRejected(TransformError):
    """A token was not made by this key for this recipient, purpose and column."""


class ErasedSubject(TokenRejected):
    """A token is sound, and the key of its subject was destroyed."""
