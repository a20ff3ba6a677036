"""Shared by the scripts beside it: writes a list of cases, tensors as base64, to NAME.json.

Run each with Debian's python3-torch (1.13): /usr/bin/python3 test/goldens/batchnorm.py
"""
import base64
import json
import pathlib

import numpy
import torch

torch.set_num_threads(1)
KINDS = {"float32": "f32", "float64": "f64", "int32": "i32"}


def encode(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, numpy.ndarray):
        if value.dtype == numpy.int64:
            value = value.astype(numpy.int32)
        raw = numpy.ascontiguousarray(value).tobytes()
        return {"shape": list(value.shape), KINDS[str(value.dtype)]: base64.b64encode(raw).decode()}
    if isinstance(value, dict):
        return {key: encode(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(entry) for entry in value]
    return value


def write(script, cases):
    """Writes the cases to the JSON file that stands beside the script."""
    path = pathlib.Path(script).with_suffix(".json")
    body = ",\n".join(json.dumps(encode(case)) for case in cases)
    path.write_text("[\n" + body + "\n]\n")
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")
