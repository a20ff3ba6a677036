"""The batch norm tests of the ONNX standard, as the golden: /usr/bin/python3 batchnorm-onnx.py DIR, where DIR
has the standard's node tests (Debian's libonnx-testdata: data/node)."""
import pathlib
import struct
import sys

import numpy

from common import write


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """A protocol buffer message's fields: number and value."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 8 if kind == 1 else 4
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def tensor(path):
    """TensorProto: dims = 1, raw_data = 9."""
    dims, raw = [], b""
    for number, value in fields(path.read_bytes()):
        if number == 1:
            dims.append(value)
        elif number == 9:
            raw = value
    return numpy.frombuffer(raw, "<f4").reshape(dims)


def attributes(path):
    """ModelProto.graph = 7, GraphProto.node = 1, NodeProto.attribute = 5: name = 1, f = 2, i = 3."""
    found = {}
    for number, graph in fields(path.read_bytes()):
        if number != 7:
            continue
        for part, node in fields(graph):
            if part != 1:
                continue
            for entry, attribute in fields(node):
                if entry != 5:
                    continue
                values = dict(fields(attribute))
                name = values[1].decode()
                found[name] = struct.unpack("<f", values[2])[0] if 2 in values else values[3]
    return found


cases = []
for folder in sorted(pathlib.Path(sys.argv[1]).glob("test_batchnorm_*")):
    data = folder / "test_data_set_0"
    x, scale, bias, mean, variance = [tensor(data / f"input_{i}.pb") for i in range(5)]
    outputs = [tensor(path) for path in sorted(data.glob("output_*.pb"))]
    given = attributes(folder / "model.onnx")
    cases.append({
        "name": folder.name,
        "eps": given.get("epsilon", 1e-5),
        "decay": given.get("momentum", 0.9),
        "training": given.get("training_mode", 0) == 1,
        "x": x, "weight": scale, "bias": bias, "mean": mean, "variance": variance,
        "y": outputs[0],
        "runningMean": outputs[1] if len(outputs) > 1 else None,
        "runningVar": outputs[2] if len(outputs) > 2 else None,
    })
write(__file__, cases)
