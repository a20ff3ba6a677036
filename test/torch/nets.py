"""Runs the modules that toPyTorch wrote: for each case a prediction, a training step's gradients, and its state.

The argument is a folder with cases.json (a list of names, and whether the inputs are whole numbers), and for each
name NAME.py, NAME.safetensors and NAME.in.safetensors (x0, x1 ..., and dy). Writes NAME.out.safetensors.
"""
import importlib
import json
import sys
import warnings
from pathlib import Path

import torch

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
sys.dont_write_bytecode = True
torch.set_num_threads(1)
warnings.filterwarnings("ignore")


def run(name, whole):
    module = importlib.import_module(name)
    given, _ = module.read_safetensors(folder / f"{name}.in.safetensors")
    model = module.load(folder / f"{name}.safetensors")
    x = [given[f"x{i}"] for i in range(len(given) - 1)]
    if whole:
        x = [each.long() for each in x]
    model.eval()
    with torch.no_grad():
        found = {"predict": model(*x)}
    model.train()
    for each in x:
        each.requires_grad_(not whole)
    y = model(*x)
    found["y"] = y
    if y.requires_grad:
        y.backward(given["dy"])
    for i, each in enumerate(x):
        found[f"d x{i}"] = torch.zeros(each.shape) if each.grad is None else each.grad
    for key, parameter in model.named_parameters():
        if parameter.grad is not None:
            found[f"d {key}"] = parameter.grad
        elif parameter.requires_grad:
            found[f"d {key}"] = torch.zeros_like(parameter)
    for key, value in model.state_dict().items():
        found[f"state {key}"] = value
    module.write_safetensors(folder / f"{name}.out.safetensors", found)


for case in json.loads((folder / "cases.json").read_text()):
    try:
        run(**case)
    except Exception as error:
        raise RuntimeError(f"{case['name']}: {error!r}") from error
