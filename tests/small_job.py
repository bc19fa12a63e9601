"""A small job in a folder of its own: orders and devices, three releases, consent. Every value is made up here."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests import fork_server
from tests.conftest import PROJECT

DATE = "2026-11-01"
KEK = "8f" * 15 + "c1d2e3f4a5b60718293a4b5c6d7e8f9012"

JOB = """job: small
tables:
  orders:  {path: "in/orders/{date}/*.csv", subject: account_id, timezone: Australia/Sydney, phone_region: AU}
  devices: {path: "in/devices/{date}/*.jsonl", subject: [account_id, device_id], timezone: UTC}
consent: {path: in/consent.csv}
catalog: catalog.yaml
keyring: {file: keys/keyring.json, wrapped_by: {env: POUCH_KEK}}
releases:
  - {recipient: analysts, purpose: analytics, basis: consent, policy: analysts.yaml, tables: [orders, devices]}
  - {recipient: courier, purpose: delivery, basis: contract, policy: courier.yaml, tables: [orders], format: csv}
  - {recipient: market, purpose: analytics, basis: consent, statistics: statistics.yaml}
"""
CATALOG = """orders:
  order_number: order_id
  account_id: account_id
  consignee: person_name
  mobile: mobile_phone
  address: postal_address
  city: city
  amount: amount
  order_time: order_time
  note: free_text
  channel: other
devices: {device_id: device_id, account_id: account_id, msisdn: mobile_phone, model: device_model}
"""
ANALYSTS = """policy: analysts
rules:
  order_id: {transform: keyed_hash}
  account_id: {transform: keyed_hash}
  device_id: {transform: keyed_hash}
  person_name: {transform: mask, keep_first: 1}
  mobile_phone: {transform: keyed_hash}
  postal_address: {transform: encrypt_siv}
  city: {transform: keep}
  amount: {transform: keep}
  order_time: {transform: truncate_time, unit: hour}
  free_text: {transform: drop}
  device_model: {transform: keep}
  other: {transform: keep}
"""
COURIER = """policy: courier
contract: {orders: [order_number, consignee, mobile, address]}
rules:
  order_id: {transform: keep}
  person_name: {transform: keep}
  mobile_phone: {transform: keep}
  postal_address: {transform: keep}
otherwise: drop
"""
STATISTICS = """statistics:
  sales:
    table: orders
    dimensions: [{column: city}]
    measures: [people, rows, {sum: amount}]
    protect: {min_people: 5}
"""
CITIES = ("Sydney", "Perth", "Hobart")
NAMES = ("Zhang Wei", "李雪梅", "Nguyen Thi Lan", "Fatima Al Sayed", "Bjorn Aaberg", "王小明")


def phone(person: int) -> str:
    """A number of Australia's mobile range for fiction is too small; these are made up."""
    return f"+614910{person:05d}"


@dataclass(frozen=True)
class SmallJob:
    """The folder and how to run it."""

    folder: Path

    def pouch(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder.

        In a fork of a process that has imported it; in a fresh one where it is to find variables that Python or a
        native library reads as it starts.
        """
        if all(name.startswith("POUCH_") for name in environment):
            return fork_server.pouch(arguments, self.folder, self.environment(**environment))
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`pouch run` of the date."""
        return self.pouch("run", "job.yaml", "--date", DATE, *arguments, **environment)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        """The command line as a list."""
        return [sys.executable, "-m", "pipeline", *arguments]

    @staticmethod
    def environment(**changes: str) -> dict[str, str]:
        """This environment with the wrapping key."""
        return os.environ | {"POUCH_KEK": KEK, "PYTHONPATH": str(PROJECT)} | changes

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def tree(self, out: str = "releases") -> dict[str, bytes]:
        """Every published file by name, links followed."""
        root = self.folder / out
        return {
            f"{link.parent.name}/{link.name}/{file.relative_to(link.resolve())}": file.read_bytes()
            for link in sorted(root.glob("*/*"))
            if link.is_symlink()
            for file in sorted(link.resolve().rglob("*"))
            if file.is_file()
        }

    def record(self) -> dict[str, object]:
        """The newest run manifest; ids of runs within a second do not tell which."""
        manifests = (self.folder / ".pouch" / "runs").glob("*/manifest.json")
        return json.loads(max(manifests, key=lambda path: path.stat().st_mtime_ns).read_text())


def make_job(folder: Path, people: int = 60, orders: int = 300) -> SmallJob:
    """Write configs and input, and make keys."""
    for name, text in {
        "job.yaml": JOB,
        "catalog.yaml": CATALOG,
        "analysts.yaml": ANALYSTS,
        "courier.yaml": COURIER,
        "statistics.yaml": STATISTICS,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in (f"in/orders/{DATE}", f"in/devices/{DATE}"):
        (folder / name).mkdir(parents=True)
    _orders(folder / f"in/orders/{DATE}/a.csv", people, 0, orders // 2)
    _orders(folder / f"in/orders/{DATE}/b.csv", people, orders // 2, orders)
    with (folder / f"in/devices/{DATE}/d.jsonl").open("w", encoding="utf-8") as file:
        for row in range(orders):
            person = row * 7 % people
            event = {"device_id": f"dev-{person:04d}", "msisdn": phone(person), "model": f"M{person % 5}"}
            file.write(
                json.dumps(event | ({"account_id": f"acc{person:04d}"} if row // people % 3 else {})) + "\n"
            )
    with (folder / "in/consent.csv").open("w") as file:
        file.write("account_id,purpose,granted,as_of,minor\n")
        for person in range(people):
            granted, minor = ("false" if person % 10 == 9 else "true"), ("true" if person == 3 else "")
            file.write(f"acc{person:04d},analytics,{granted},2026-10-01,{minor}\n")
    job = SmallJob(folder)
    made = job.pouch("keys", "init", "job.yaml")
    assert made.returncode == 0, made.stderr
    return job


def _orders(path: Path, people: int, first: int, last: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        header = "order_number,account_id,consignee,mobile,address,city,amount,order_time,note,channel"
        writer.writerow(header.split(","))
        for row in range(first, last):
            person = row * 13 % people
            writer.writerow(
                [
                    f"SO{row:08d}",
                    f"acc{person:04d}",
                    f"{NAMES[person % len(NAMES)]}",
                    phone(person),
                    f"{person + 1} Wattle Road, Unit {row % 9}",
                    CITIES[person % 3],
                    f"{row % 90}.{row % 10}0",
                    f"2026-11-01 {row % 24:02d}:15:30",
                    f"call {phone(person)}",
                    ("web", "app")[row % 2],
                ]
            )


def change_cells(job: SmallJob, column: str, change: Callable[[dict[str, str], int], str]) -> None:
    """Rewrite one column of both order files."""
    for name in ("a.csv", "b.csv"):
        path = job.folder / f"in/orders/{DATE}/{name}"
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        for number, row in enumerate(rows):
            row[column] = change(row, number)
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8")
