"""docs/keys.md: its services work against stand-ins of their clients, and its commands exist."""

import re
import sys
import types
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.keys.kms import CONTEXT
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs/keys.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
KEY = bytes(range(100, 132))


class Box:
    """A service's own side: it gives a wrapped key back to whoever shows the same context."""

    def __init__(self) -> None:
        self.kept: dict[bytes, tuple[bytes, object, object]] = {}

    def wrap(self, name: object, plain: bytes, context: object) -> bytes:
        envelope = f"wrapped:{len(self.kept)}".encode()
        self.kept[envelope] = (plain, name, context)
        return envelope

    def unwrap(self, name: object, envelope: bytes, context: object) -> bytes:
        plain, *rest = self.kept[envelope]
        if rest != [name, context]:
            raise PermissionError("context")
        return plain


def module(name: str, **members: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    for key, value in members.items():
        setattr(made, key, value)
    return made


def aws(box: Box) -> dict[str, types.ModuleType]:
    class Client:
        def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: dict[str, str]) -> Any:  # noqa: N803
            return {"CiphertextBlob": box.wrap(KeyId, Plaintext, EncryptionContext)}

        def decrypt(self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: dict[str, str]) -> Any:  # noqa: N803
            return {"Plaintext": box.unwrap(KeyId, CiphertextBlob, EncryptionContext)}

    return {"boto3": module("boto3", client=lambda service: Client() if service == "kms" else None)}


def gcp(box: Box) -> dict[str, types.ModuleType]:
    class Client:
        def encrypt(self, *, request: dict[str, Any]) -> Any:
            made = box.wrap(request["name"], request["plaintext"], request["additional_authenticated_data"])
            return types.SimpleNamespace(ciphertext=made)

        def decrypt(self, *, request: dict[str, Any]) -> Any:
            opened = box.unwrap(
                request["name"], request["ciphertext"], request["additional_authenticated_data"]
            )
            return types.SimpleNamespace(plaintext=opened)

    kms = module("google.cloud.kms", KeyManagementServiceClient=Client)
    cloud = module("google.cloud", kms=kms)
    return {"google": module("google", cloud=cloud), "google.cloud": cloud, "google.cloud.kms": kms}


def vault(box: Box) -> dict[str, types.ModuleType]:
    class Transit:
        def encrypt_data(self, *, name: str, mount_point: str, plaintext: str, associated_data: str) -> Any:
            made = box.wrap((mount_point, name), plaintext.encode(), associated_data)
            return {"data": {"ciphertext": made.decode()}}

        def decrypt_data(self, *, name: str, mount_point: str, ciphertext: str, associated_data: str) -> Any:
            opened = box.unwrap((mount_point, name), ciphertext.encode(), associated_data)
            return {"data": {"plaintext": opened.decode()}}

    secrets = types.SimpleNamespace(transit=Transit())
    return {"hvac": module("hvac", Client=lambda: types.SimpleNamespace(secrets=secrets))}


SERVICES = {
    "Aws": (aws, "aws://alias/pouch"),
    "Gcp": (gcp, "gcp://projects/p/locations/l/keyRings/r/cryptoKeys/k"),
    "Vault": (vault, "vault://transit/pouch"),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_of_the_page_wraps_and_unwraps_with_its_context(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients, uri = SERVICES[name]
    for client, stand_in in clients(Box()).items():
        monkeypatch.setitem(sys.modules, client, stand_in)
    (source,) = [block for block in BLOCKS if f"class {name}:" in block]
    scope: dict[str, Any] = {}
    exec(source, scope)  # noqa: S102 - the page's own example
    service = scope[name](uri)
    envelope = service.wrap(KEY, CONTEXT)
    assert isinstance(envelope, bytes) and service.unwrap(envelope, CONTEXT) == KEY
    with pytest.raises(PermissionError):
        service.unwrap(envelope, b"another purpose")


def test_every_option_that_the_page_shows_exists() -> None:
    for line in re.findall(r"^pouch (.*)$", PAGE, re.MULTILINE):
        command = re.match(r"(?:keys )?[a-z]+", line)
        assert command
        shown = CliRunner().invoke(app, [*command[0].split(), "--help"], env={"COLUMNS": "200"})
        for option in re.findall(r"--[a-z-]+", line):
            assert option in shown.output, line
