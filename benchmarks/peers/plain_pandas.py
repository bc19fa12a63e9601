"""Plain pandas with the same 19 columns, unkeyed, as one would write it. `python plain_pandas.py IN OUT`."""

import hashlib
import sys

import pandas as pd


def sha256(values: pd.Series, digits: int = 32) -> pd.Series:
    return values.map(lambda value: hashlib.sha256(value.encode()).hexdigest()[:digits], na_action="ignore")


orders = pd.read_csv(sys.argv[1], dtype=str)
for name in ("order_number", "account_id"):
    orders[name] = sha256(orders[name])
orders["nickname"] = "[NICKNAME]"
orders["consignee_name"] = orders["consignee_name"].str[:1] + "*******"
orders["receiving_address"] = sha256(orders["receiving_address"], 64)
orders["postcode"] = orders["postcode"].str[:2]
orders["mobile"] = sha256(orders["mobile"].str.replace(r"[^0-9+]", "", regex=True))
orders["email"] = sha256(orders["email"].str.strip().str.lower())
orders["quantity"] = orders["quantity"].astype("int64")
orders["amount"] = pd.cut(
    orders["amount"].astype("float64"),
    [float("-inf"), 20, 50, 100, 200, 500, float("inf")],
    right=False,
    labels=["<20", "20-50", "50-100", "100-200", "200-500", ">=500"],
).astype(str)
orders["order_time"] = pd.to_datetime(orders["order_time"]).dt.floor("h")
for name in ("bank_card", "device_id"):
    orders[name] = "************" + orders[name].str[-4:]
orders["ip"] = orders["ip"].str.replace(r"^(\d+\.\d+\.\d+)\.\d+$", r"\1.0/24", regex=True)
orders.to_parquet(sys.argv[2], index=False)
