"""Safetensors with struct, json and torch.frombuffer alone: it shares no code with the reader under test."""
import json
import struct

import torch

TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in TYPES.items()}


def read(path, aligned=False):
    """The tensors and the metadata; if `aligned`, every element must stand at a multiple of its size."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(bytes(data[8 : 8 + length]).decode("utf-8"))
    metadata = header.pop("__metadata__", {})
    tensors = {}
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        assert start == end, name
        end = stop
        dtype = TYPES[entry["dtype"]]
        if stop == start:
            tensors[name] = torch.zeros(entry["shape"], dtype=dtype)
            continue
        part = data[8 + length + start : 8 + length + stop]
        tensors[name] = torch.frombuffer(part, dtype=dtype).reshape(entry["shape"])
        assert not aligned or (8 + length + start) % tensors[name].element_size() == 0, name
    assert 8 + length + end == len(data)
    return tensors, metadata


def write(path, tensors, metadata=None):
    header = {"__metadata__": metadata} if metadata else {}
    body = b""
    for name, tensor in tensors.items():
        flat = tensor.detach().contiguous().reshape(-1)
        raw = bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(header).encode("utf-8")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)
