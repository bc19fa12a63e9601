"""Rewrite a model of 4-bit weights for fast processors, in memory: no file is written, no package needed.

The shipped model holds 4-bit weights with a scale per 32 of them (`MatMulNBits`), small to ship and slow to
run. Here they become 8-bit weights with a scale per column (`DynamicQuantizeMatMul`, activations quantized
per text at run time): about 2.5 times the speed on processors with 8-bit dot products. Weights are unsigned
around 128, because signed ones saturate on older processors and would give other results there.

Only as much of the protobuf wire format is read as an ONNX file needs.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

# Field numbers of onnx.proto3.
_GRAPH = 7  # ModelProto
_NODE, _INITIALIZER = 1, 5  # GraphProto
_INPUT, _OUTPUT, _NAME, _OP = 1, 2, 3, 4  # NodeProto
_ATTRIBUTE = 5
_DOMAIN = 7
_SELF = b"/attention/self/"  # in the names of a layer's self-attention
_HEADS = 12
_DIMS, _TYPE, _TENSOR_NAME, _RAW = 1, 2, 8, 9  # TensorProto
_FLOAT, _UINT8 = 1, 2  # TensorProto.DataType
_BLOCK = 32  # weights that share a scale

Field = tuple[int, Any]  # number, and an int or the bytes


def faster(model: bytes) -> bytes:
    """Return the model with every 4-bit product replaced by an 8-bit one.

    A model that is built otherwise than expected raises ValueError.
    """
    graph = next(value for number, value in _fields(model) if number == _GRAPH)
    parts = list(_fields(graph))
    tensors = {_text(fields, _TENSOR_NAME): fields for fields in _parsed(parts, _INITIALIZER)}
    nodes = [list(_fields(value)) for number, value in parts if number == _NODE]
    sums = _bias_sums(nodes, tensors)
    written: list[bytes] = []
    replaced: set[bytes] = set()
    for node in nodes:
        output = _text(node, _OUTPUT)
        name = _text(node, _NAME)
        if _SELF in name:
            if name.endswith(b"/query/MatMul_Q4"):
                made, used = _attention(name, nodes, tensors)
                written += made
                replaced.update(used)
            continue
        if _text(node, _OP) != b"MatMulNBits":
            if output not in sums.values():
                written.append(_delimited(_NODE, b"".join(_field(*field) for field in node)))
            continue
        inputs = [bytes(v) for n, v in node if n == _INPUT]
        if len(inputs) != 3:
            raise ValueError("a product of the model has other inputs than weights and scales")
        replaced.update(inputs[1:])
        weights, scales = _columns(
            _array(tensors[inputs[1]], np.uint8), _array(tensors[inputs[2]], np.float32)
        )
        names = [inputs[1] + ending for ending in (b"/weights", b"/scales", b"/zeros")]
        zeros = np.full(len(scales), 128, np.uint8)
        written += [
            _delimited(_INITIALIZER, _tensor(name, array))
            for name, array in zip(names, (weights, scales, zeros), strict=True)
        ]
        bias = _bias_of(sums.get(output), nodes, output)
        written.append(
            _delimited(_NODE, _product([inputs[0], *names, *bias], sums.get(output, output), node))
        )
    kept = (
        _field(number, value)
        for number, value in parts
        if number != _NODE
        and not (number == _INITIALIZER and _text(list(_fields(value)), _TENSOR_NAME) in replaced)
    )
    graph_written = b"".join((*written, *kept))
    return b"".join(
        _delimited(number, graph_written) if number == _GRAPH else _field(number, value)
        for number, value in _fields(model)
    )


def _attention(
    query: bytes, nodes: list[list[Field]], tensors: dict[bytes, list[Field]]
) -> tuple[list[bytes], set[bytes]]:
    """One `QAttention` node for the two dozen small ones of a layer's self-attention.

    Texts are read one by one and never padded, so that no mask is needed. Returns nodes and tensors written
    out, and the names of the tensors that they replace.
    """
    by_name = {_text(node, _NAME): node for node in nodes}
    stem = query[: -len(b"query/MatMul_Q4")]
    after = by_name[stem[: -len(b"self/")] + b"output/dense/MatMul_Q4"]
    weights, scales, biases, used = [], [], [], set()
    for part in (b"query", b"key", b"value"):
        inputs = [bytes(v) for n, v in by_name[stem + part + b"/MatMul_Q4"] if n == _INPUT]
        used.update(inputs[1:])
        weight, scale = _columns(_array(tensors[inputs[1]], np.uint8), _array(tensors[inputs[2]], np.float32))
        weights.append(weight)
        scales.append(scale)
        bias = next(v for n, v in by_name[stem + part + b"/Add"] if n == _INPUT and bytes(v) in tensors)
        biases.append(_array(tensors[bytes(bias)], np.float32))
    constants = {
        stem + b"weights": np.ascontiguousarray(np.concatenate(weights, axis=1)),
        stem + b"bias": np.concatenate(biases),
        stem + b"scales": np.concatenate(scales),
        stem + b"zeros": np.full(sum(map(len, scales)), 128, np.uint8),
    }
    hidden = next(bytes(v) for n, v in by_name[query] if n == _INPUT)
    names = [stem + ending for ending in (b"input", b"input_scale", b"input_zero")]
    quantize = b"".join(
        (
            _delimited(_INPUT, hidden),
            *(_delimited(_OUTPUT, name) for name in names),
            _delimited(_NAME, stem + b"quantize"),
            _delimited(_OP, b"DynamicQuantizeLinear"),
        )
    )
    inputs = [
        names[0],
        stem + b"weights",
        stem + b"bias",
        names[1],
        stem + b"scales",
        b"",
        names[2],
        stem + b"zeros",
    ]
    attend = b"".join(
        (
            *(_delimited(_INPUT, name) for name in inputs),
            _delimited(_OUTPUT, next(v for n, v in after if n == _INPUT)),
            _delimited(_NAME, stem + b"attention"),
            _delimited(_OP, b"QAttention"),
            _delimited(_ATTRIBUTE, _delimited(1, b"num_heads") + _field(3, _HEADS) + _field(20, 2)),
            _delimited(_DOMAIN, b"com.microsoft"),
        )
    )
    made = [_delimited(_INITIALIZER, _tensor(name, array)) for name, array in constants.items()]
    return [*made, _delimited(_NODE, quantize), _delimited(_NODE, attend)], used


def _bias_sums(nodes: list[list[Field]], tensors: dict[bytes, list[Field]]) -> dict[bytes, bytes]:
    """Output of a product -> output of the sum that only adds a constant to it, which the product can do itself."""
    products = {_text(node, _OUTPUT) for node in nodes if _text(node, _OP) == b"MatMulNBits"}
    uses: dict[bytes, int] = {}
    for node in nodes:
        for number, value in node:
            if number == _INPUT:
                uses[bytes(value)] = uses.get(bytes(value), 0) + 1
    sums = {}
    for node in nodes:
        inputs = [bytes(v) for n, v in node if n == _INPUT]
        if _text(node, _OP) == b"Add" and any(name in tensors for name in inputs):
            sums.update(
                {name: _text(node, _OUTPUT) for name in inputs if name in products and uses[name] == 1}
            )
    return sums


def _bias_of(total: bytes | None, nodes: list[list[Field]], product: bytes) -> list[bytes]:
    if total is None:
        return []
    node = next(node for node in nodes if _text(node, _OUTPUT) == total)
    return [bytes(v) for n, v in node if n == _INPUT and bytes(v) != product]


def _columns(packed: np.ndarray[Any, Any], scales: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Weights (rows, columns) as uint8 around 128, and the scale of each column.

    packed: (columns, blocks, 16) with two 4-bit weights a byte, low half first; scales: (columns, blocks).
    """
    columns, blocks = scales.shape
    halves = np.empty((columns, blocks, _BLOCK), np.float32)
    halves[..., 0::2] = packed & 15
    halves[..., 1::2] = packed >> 4
    halves -= 8
    halves *= scales[..., np.newaxis]
    values = halves.reshape(columns, blocks * _BLOCK)
    largest = np.maximum(values.max(axis=1), -values.min(axis=1))
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    values /= scale[:, np.newaxis]
    return np.ascontiguousarray((np.rint(values) + 128).astype(np.uint8).T), scale


def _product(inputs: list[bytes], output: bytes, node: list[Field]) -> bytes:
    return b"".join(
        (
            *(_delimited(_INPUT, name) for name in inputs),
            _delimited(_OUTPUT, output),
            _delimited(_NAME, _text(node, _NAME)),
            _delimited(_OP, b"DynamicQuantizeMatMul"),
            _delimited(_DOMAIN, b"com.microsoft"),
        )
    )


def _tensor(name: bytes, array: np.ndarray[Any, Any]) -> bytes:
    kind = _FLOAT if array.dtype == np.float32 else _UINT8
    dims = b"".join(_field(_DIMS, size) for size in array.shape)
    return dims + _field(_TYPE, kind) + _delimited(_TENSOR_NAME, name) + _delimited(_RAW, array.tobytes())


def _array(fields: list[Field], dtype: Any) -> np.ndarray[Any, Any]:
    raw = next(v for n, v in fields if n == _RAW)
    return np.frombuffer(raw, dtype).reshape([v for n, v in fields if n == _DIMS])


# ------------------------------------------------------------------ the wire format


def _parsed(fields: list[Field], number: int) -> Iterator[list[Field]]:
    return (list(_fields(value)) for n, value in fields if n == number)


def _text(fields: list[Field], number: int) -> bytes:
    return bytes(next((value for n, value in fields if n == number), b""))


def _fields(data: Any) -> Iterator[Field]:
    """Fields of a message: varints as int, everything else as a view of its bytes, without a copy."""
    view, at = memoryview(data), 0
    while at < len(view):
        key, at = _varint(view, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(view, at)
            yield number, value
            continue
        if wire != 2:
            raise ValueError(f"wire type {wire} where an ONNX graph has none")
        length, at = _varint(view, at)
        yield number, view[at : at + length]
        at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = view[at]
        at += 1
        value |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            return value, at


def _number(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _field(number: int, value: Any) -> bytes:
    return _number(number << 3) + _number(value) if isinstance(value, int) else _delimited(number, value)


def _delimited(number: int, value: Any) -> bytes:
    return b"".join((_number(number << 3 | 2), _number(len(value)), value))
