"""Numbers of persons with check digits, country by country, as python-stdnum knows them.

One value proves little: a check digit holds for one random number in ten or eleven. A column in which nine of ten
distinct values hold one and the same country's check proves much.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module

# name -> module of stdnum, lengths of the bare number
PERSONAL_NUMBERS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "be_nn": ("be.nn", (11,)),
    "bg_egn": ("bg.egn", (10,)),
    "br_cpf": ("br.cpf", (11,)),
    "ch_ssn": ("ch.ssn", (13,)),
    "cl_rut": ("cl.rut", (8, 9)),
    "cz_rc": ("cz.rc", (10,)),
    "de_idnr": ("de.idnr", (11,)),
    "dk_cpr": ("dk.cpr", (10,)),
    "ee_ik": ("ee.ik", (11,)),
    "es_dni": ("es.dni", (9,)),
    "es_nie": ("es.nie", (9,)),
    "fi_hetu": ("fi.hetu", (11,)),
    "fr_nir": ("fr.nir", (15,)),
    "hr_oib": ("hr.oib", (11,)),
    "il_idnr": ("il.idnr", (9,)),
    "in_aadhaar": ("in_.aadhaar", (12,)),
    "it_codicefiscale": ("it.codicefiscale", (16,)),
    "kr_rrn": ("kr.rrn", (13,)),
    "lt_asmens": ("lt.asmens", (11,)),
    "mx_curp": ("mx.curp", (18,)),
    "nl_bsn": ("nl.bsn", (9,)),
    "no_fodselsnummer": ("no.fodselsnummer", (11,)),
    "pl_pesel": ("pl.pesel", (11,)),
    "ro_cnp": ("ro.cnp", (13,)),
    "se_personnummer": ("se.personnummer", (10, 12)),
    "tr_tckimlik": ("tr.tckimlik", (11,)),
    "za_idnr": ("za.idnr", (13,)),
}

_SEPARATORS = re.compile(r"[ .\-/]")
_SIGNIFICANT = {"fi_hetu": 10, "dk_cpr": 10}  # lengths without the sign that separates the century


@lru_cache(maxsize=64)
def _check(name: str) -> Callable[[str], bool]:
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{PERSONAL_NUMBERS[name][0]}").is_valid
    return is_valid


def valid_number(name: str, value: str) -> bool:
    """Whether the folded value has the country's layout and check digits. Never raises."""
    bare = _SEPARATORS.sub("", value)
    if len(bare) not in (*PERSONAL_NUMBERS[name][1], _SIGNIFICANT.get(name)):
        return False
    try:
        return bool(_check(name)(value.upper()))
    except Exception:  # validators raise whatever they like; what breaks one is invalid
        return False


def resident_digits(value: str) -> bool:
    """GB 11643 without its table of divisions, which changes: 17 digits with a day in them, ISO 7064 MOD 11-2."""
    if not re.fullmatch(
        r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9x]", value
    ):
        return False
    total = sum(int(digit) * pow(2, 17 - index, 11) for index, digit in enumerate(value[:17]))
    return "10x98765432"[total % 11] == value[17]
