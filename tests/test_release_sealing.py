"""Parts are digested and flushed while others are made; what failed there fails the release, and is not tried again."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from pipeline.errors import PublishFailed
from pipeline.release import sealing
from pipeline.release.publish import SUMS, open_staging, publish_release
from pipeline.release.sealing import Sealer
from tests.small_job import DATE


def publish(out: Path, staging: Path, sealer: Sealer) -> str:
    published = publish_release(
        out,
        staging,
        "courier",
        DATE,
        {"data/orders/part-00000.csv": staging / "one", "data/orders/part-00001.csv": staging / "two"},
        {"manifest.json": b"{}\n"},
        announce=lambda tree, digest: None,
        digest_of=sealer.digest,
    )
    return (published.path / SUMS).read_text()


def stage(staging: Path) -> None:
    (staging / "one").write_bytes(b"a\r\n1\r\n")
    (staging / "two").write_bytes(b"a\r\n2\r\n")


def test_sealed_files_are_published_with_the_digests_of_their_bytes(tmp_path: Path) -> None:
    with open_staging(tmp_path) as staging, Sealer(staging) as sealer:
        stage(staging)
        sealer.take(["one"])
        assert sealer.digest(staging / "two") is None
        sums = dict(reversed(line.split("  ")) for line in publish(tmp_path, staging, sealer).splitlines())
    tree = tmp_path / "courier" / DATE
    for name, digest in sums.items():
        assert hashlib.sha256((tree / name).read_bytes()).hexdigest() == digest
        assert (tree / name).stat().st_mode & 0o777 == sealing.FILE_MODE


def test_a_part_that_could_not_be_flushed_stops_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells once that it could not write; a second flush would succeed, and the bytes be lost."""
    with open_staging(tmp_path) as staging, Sealer(staging) as sealer:
        stage(staging)
        with monkeypatch.context() as patch:

            def fail(descriptor: int) -> None:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

            patch.setattr(os, "fsync", fail)
            sealer.take(["two"])
            with pytest.raises(OSError, match="Input/output"):
                sealer.digest(staging / "two")
        with pytest.raises(PublishFailed, match="could not be published"):
            publish(tmp_path, staging, sealer)
        assert not (tmp_path / "courier" / DATE).exists()
