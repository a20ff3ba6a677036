"""Reads the inputs and outputs of ONNX's own node tests, as Debian's libonnx-testdata holds them."""
import pathlib

import numpy

ROOT = pathlib.Path("/usr/share/libonnx-testdata/data/node")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def tensor(path):
    """A TensorProto of float32: dims are field 1, raw_data field 9."""
    data, at, dims, values = path.read_bytes(), 0, [], b""
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
            if key >> 3 == 1:
                dims.append(value)
            elif key >> 3 == 2 and value != 1:
                raise ValueError(f"{path}: not float32")
        else:
            size, at = varint(data, at)
            if key >> 3 == 9:
                values = data[at : at + size]
            at += size
    return numpy.frombuffer(values, "<f4").reshape(dims)


def node(name):
    """The inputs and the outputs of one test, in order."""
    folder = ROOT / name / "test_data_set_0"
    read = lambda kind: [tensor(path) for path in sorted(folder.glob(f"{kind}_*.pb"))]
    return read("input"), read("output")


def names(prefix):
    return sorted(path.name for path in ROOT.glob(f"{prefix}*") if "expanded" not in path.name)
