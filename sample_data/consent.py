"""Who agreed to what: one file, in the order in which the lines came in, not that of `as_of`."""

from sample_data.chance import Chance
from sample_data.people import Person

PURPOSES = ("product_analytics", "market_statistics")


def _moment(chance: Chance, month: int) -> str:
    return (
        f"2026-{month:02d}-{chance.between(1, 28):02d}T"
        f"{chance.below(24):02d}:{chance.below(60):02d}:{chance.below(60):02d}Z"
    )


def consent_file(people: list[Person]) -> bytes:
    """Return consent.csv. The newest line of an account and purpose counts, wherever it stands."""
    first: list[str] = []
    later: list[str] = []
    for person in people:
        if person.account is None:
            continue
        chance = Chance("consent", person.number)
        if chance.hit(0.05) and not person.minor_by:
            continue  # never asked: no consent
        minor = "true" if person.minor_by == "flag" else "false"
        for purpose in PURPOSES:
            refuses = chance.hit(0.06 if purpose == "product_analytics" else 0.12) and not person.minor_by
            opinion = "false" if refuses else "true"
            first.append(
                f"{person.account},{purpose},{opinion},{_moment(chance, chance.between(1, 8))},{minor}"
            )
            change = chance.below(100)
            if person.minor_by or refuses or change >= 8:
                continue
            if change < 5:  # withdraws
                later.append(f"{person.account},{purpose},false,{_moment(chance, 10)},{minor}")
            elif change < 7:  # withdraws and comes back
                later.append(f"{person.account},{purpose},true,{_moment(chance, 10)},{minor}")
                later.append(f"{person.account},{purpose},false,{_moment(chance, 9)},{minor}")
            else:  # an older line arrives late and must not count
                later.append(
                    f"{person.account},{purpose},false,2025-12-{chance.between(1, 31):02d}T08:00:00Z,{minor}"
                )
    return "\n".join(["account_id,purpose,granted,as_of,minor", *first, *later, ""]).encode()
