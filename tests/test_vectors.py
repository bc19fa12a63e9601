"""Published test vectors: all of them right, and the runner notices when one is not."""

import gzip
import json
from pathlib import Path

import pytest

from tests import vectors
from tests.conftest import SHARED_DATA, needs_shared_data

CRYPTO = SHARED_DATA / "crypto"
FILES = sorted(CRYPTO.rglob("*.json")) + sorted(CRYPTO.rglob("*.json.gz")) if CRYPTO.is_dir() else []

# Why whole files or vectors are not run; a reason that is not here fails the test.
REASONS = {
    "ACVP-AES-GCM-SIV: not used by Pouch",
    "AES-GCM-SIV: not used by Pouch",
    "Cobblestone-256: not used by Pouch",
    "PBKDF2-HMACSHA256: not used by Pouch",
    "tag shorter than 128 bits: a keyed hash keeps at least 128",
    "nonce outside 8..128 bytes: every nonce of Pouch has 12",
}


@needs_shared_data
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_published_vector_is_right(path: Path) -> None:
    """No vector is wrong, each counts once, and what is exempt has a known reason."""
    count = vectors.run_file(path)
    assert count.wrong == []
    assert count.found == len(vectors.vectors_of(vectors.load(path))[1]) > 0
    assert set(count.exempt) <= REASONS


@needs_shared_data
def test_the_whole_collection_is_here() -> None:
    """31 files of Wycheproof, 3 of ACVP and the NIST samples."""
    assert len(FILES) == 35


def sample(ct: str = "2433477484") -> dict[str, object]:
    """First sample of SP 800-38G."""
    return {"radix": 10, "key": "2B7E151628AED2A6ABF7158809CF4F3C", "tweak": "", "pt": "0123456789", "ct": ct}


def wycheproof(algorithm: str, group: dict[str, object], **test: object) -> dict[str, object]:
    return {"algorithm": algorithm, "schema": "x", "testGroups": [group | {"tests": [{"tcId": 1} | test]}]}


def write(folder: Path, document: object, name: str = "vectors.json") -> None:
    (folder / name).write_text(json.dumps(document))


def outcome(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = vectors.main([str(folder)])
    return code, capsys.readouterr().out.splitlines()[-1]


def test_a_right_vector_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, [sample()])
    assert outcome(tmp_path, capsys) == (0, "vectors: 1 run, 1 right, 0 wrong, 0 refused, 0 exempt")


def test_a_changed_digit_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, [sample(), sample("2433477485")])
    assert outcome(tmp_path, capsys) == (1, "vectors: 2 run, 1 right, 1 wrong, 0 refused, 0 exempt")


def test_a_compressed_file_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gzip.open(tmp_path / "vectors.json.gz", "wt") as file:
        json.dump([sample()], file)
    assert outcome(tmp_path, capsys)[0] == 0


def test_no_vector_found_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"about": "no vectors here"})
    assert outcome(tmp_path, capsys) == (1, "vectors: 0 run, 0 right, 0 wrong, 0 refused, 0 exempt")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_cannot_be_read_is_a_failure(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, [sample()])
    (tmp_path / "other.json").write_bytes(content)
    assert outcome(tmp_path, capsys)[0] == 1


def test_a_small_domain_is_refused_and_still_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10^4 messages: the published result counts only as refused, a wrong one as wrong."""
    from transforms import ff1

    key = bytes(16)
    ct = ff1.encrypt(key, b"", [1, 2, 3, 4], 10, minimum_domain=100)
    right = sample() | {"key": key.hex(), "pt": "1234", "ct": "".join(map(str, ct))}
    write(tmp_path, [right, right | {"pt": "1235"}])
    assert outcome(tmp_path, capsys) == (1, "vectors: 2 run, 0 right, 1 wrong, 1 refused, 0 exempt")


def test_an_invalid_vector_that_is_accepted_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A GCM ciphertext that opens although the file calls it invalid."""
    from transforms.primitives import gcm_encrypt_column

    sealed = gcm_encrypt_column(bytes(32), [bytes(12)], [b"text"], b"")[0]
    test = {
        "key": bytes(32).hex(),
        "iv": bytes(12).hex(),
        "aad": "",
        "msg": b"text".hex(),
        "ct": sealed[:-16].hex(),
        "tag": sealed[-16:].hex(),
    }
    group: dict[str, object] = {"tagSize": 128, "type": "AeadTest"}
    write(tmp_path, wycheproof("AES-GCM", group, result="invalid", **test))
    assert outcome(tmp_path, capsys)[0] == 1
    write(tmp_path, wycheproof("AES-GCM", group, result="invalid", **test | {"msg": "00"}))
    assert outcome(tmp_path, capsys)[0] == 1
    write(tmp_path, wycheproof("AES-GCM", group, result="valid", **test))
    assert outcome(tmp_path, capsys)[0] == 0


def test_short_tags_are_exempt_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GCM with 32-bit tags, HMAC truncated below 128 bits: counted, and no failure even when alone."""
    gcm = {
        "vsId": 1,
        "algorithm": "ACVP-AES-GCM",
        "testGroups": [{"tagLen": 32, "tests": [{"ct": "", "tag": ""}]}],
    }
    mac_groups = [{"tests": [{"macLen": 32, "mac": "00000000"}]}]
    mac = {"vsId": 2, "algorithm": "HMAC-SHA2-256", "testGroups": mac_groups}
    write(tmp_path, [{"acvVersion": "1.0"}, gcm], "gcm.json")
    write(tmp_path, mac, "mac.json")
    assert outcome(tmp_path, capsys) == (0, "vectors: 0 run, 0 right, 0 wrong, 0 refused, 2 exempt")


def test_a_vector_without_its_fields_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, wycheproof("AES-KWP", {"keySize": 128}, ct="00", result="valid", key="zz"))
    assert outcome(tmp_path, capsys)[0] == 1


def acvp(algorithm: str, group: dict[str, object], *tests: dict[str, object]) -> dict[str, object]:
    return {
        "vsId": 7,
        "algorithm": algorithm,
        "revision": "1.0",
        "testGroups": [group | {"tests": list(tests)}],
    }


def test_acvp_gcm_of_several_tag_lengths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Full tags run in both directions, wrong ones must be rejected, 32 bits are exempt, prompts state no result."""
    from transforms.primitives import gcm_encrypt_column

    sealed = gcm_encrypt_column(bytes(32), [bytes(12)], [b"text"], b"")[0]
    test: dict[str, object] = {"tcId": 1, "key": "00" * 32, "iv": "00" * 12, "aad": "", "pt": b"text".hex()}
    full = test | {"ct": sealed[:-16].hex(), "tag": sealed[-16:].hex()}
    failing = test | {"ct": sealed[:-16].hex(), "tag": "00" * 16, "testPassed": False}
    documents = [
        acvp("ACVP-AES-GCM", {"tagLen": 128, "direction": "encrypt", "testType": "AFT"}, full, failing),
        acvp("ACVP-AES-GCM", {"tagLen": 32}, test | {"ct": sealed[:-16].hex(), "tag": sealed[-16:-12].hex()}),
        acvp("ACVP-AES-GCM", {"tagLen": 128, "payloadLen": 31}, full),
        acvp("ACVP-AES-GCM", {"tagLen": 128}, test, {"tcId": 3, "ct": "00", "tag": "00" * 16}),
        acvp("ACVP-AES-XPN", {"tagLen": 128}, full),
    ]
    for number, document in enumerate(documents):
        write(tmp_path, [{"acvVersion": "1.0"}, document], f"{number}.json")
    assert outcome(tmp_path, capsys) == (0, "vectors: 2 run, 2 right, 0 wrong, 0 refused, 5 exempt")
    write(tmp_path, acvp("ACVP-AES-GCM", {"tagLen": 128}, failing | {"testPassed": True}), "wrong.json")
    assert outcome(tmp_path, capsys)[0] == 1


def test_a_domain_below_the_first_standards_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below 100 messages not even the core computes: SP 800-38G (2016) forbids it."""
    write(tmp_path, [sample() | {"pt": "1", "ct": "2"}])
    assert outcome(tmp_path, capsys) == (0, "vectors: 1 run, 0 right, 0 wrong, 1 refused, 0 exempt")


@pytest.mark.parametrize("document", [{"testGroups": [{}]}, {"testGroups": [7]}, {"testGroups": {"a": 1}}])
def test_groups_without_tests_are_unreadable(
    document: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, document)
    assert outcome(tmp_path, capsys) == (1, "vectors: 0 run, 0 right, 0 wrong, 0 refused, 0 exempt")


def test_a_folder_without_vectors_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert vectors.main([str(tmp_path)]) == 1
    assert "no vector found" in capsys.readouterr().err
    assert vectors.main([str(tmp_path / "absent")]) == 2
