"""Classes about what was ordered, paid, looked at and sent."""

from pipeline.classes.model import (
    COUNTED,
    DAY,
    LABEL,
    LINK,
    MONEY,
    NUMBERED,
    RANGED,
    SECRET_TEXT,
    TIME,
    TIMED,
    WHOLE,
    WRITTEN,
    DataClass,
)

ORDERS: tuple[DataClass, ...] = (
    DataClass(
        "order_id",
        "order number",
        2,
        "direct_identifier",
        NUMBERED,
        normal_form="alnum",
        enumerable=10**13,  # a date and a running number
        high_entropy=True,
    ),
    DataClass(
        "tracking_number",
        "parcel tracking number",
        3,
        "direct_identifier",
        NUMBERED,
        normal_form="alnum",
        enumerable=10**12,  # UPU S10: two letters, eight digits, a check digit, a country
        high_entropy=True,
    ),
    DataClass(
        "order_time", "time of an order or event", 2, "quasi_identifier", TIMED | RANGED, value_type=TIME
    ),
    DataClass(
        "date", "day that is nobody's birth date", 1, "quasi_identifier", TIMED | RANGED, value_type=DAY
    ),
    DataClass("amount", "amount of money", 2, "other", COUNTED | RANGED, value_type=MONEY),
    DataClass("quantity", "number of pieces", 1, "other", COUNTED | RANGED | {"hierarchy"}, value_type=WHOLE),
    DataClass("product", "goods", 1, "other", LABEL, normal_form="name"),
    DataClass("category", "category of goods", 1, "other", LABEL, normal_form="name"),
    DataClass(
        "payment_method", "method of payment", 2, "other", LABEL, normal_form="casefold", enumerable=1_000
    ),
    DataClass(
        "browsing", "pages seen, cart, favorites, follows", 3, "sensitive", LINK | WRITTEN | {"hierarchy"}
    ),
    DataClass("search_terms", "search terms", 3, "free_text", WRITTEN | SECRET_TEXT),
    DataClass("free_text", "notes, chats, log lines", 3, "free_text", WRITTEN),
)
