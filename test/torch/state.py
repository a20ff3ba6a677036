"""The other side of state.test.ts: `state.py FOLDER TASK` reads files from the folder and writes answers to it."""
import sys
from collections import OrderedDict

import torch
from torch import nn

import standalone

folder, task = sys.argv[1:]


def network():
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 20),
        nn.BatchNorm1d(20),
        nn.LeakyReLU(0.1),
        nn.Linear(20, 4),
    )


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(5, 5)
        self.decoder = nn.Linear(5, 5)
        self.decoder.weight = self.encoder.weight

    def forward(self, x):
        return self.decoder(torch.relu(self.encoder(x)))


def answer(name, model, x):
    model.eval()
    with torch.no_grad():
        standalone.write(f"{folder}/{name}", {"y": model(x)})


if task == "predict":  # a model that was trained elsewhere
    x = standalone.read(f"{folder}/x.safetensors")[0]["x"]
    for name in ["F32", "F16"]:
        state, metadata = standalone.read(f"{folder}/{name}.safetensors", aligned=True)
        assert metadata == {"epochs": "3"}, metadata
        assert state["1.num_batches_tracked"].dtype == torch.int64
        assert state["1.num_batches_tracked"].shape == ()
        model = network()
        model.load_state_dict(state)
        assert model[1].num_batches_tracked.item() == 12
        answer(f"y-{name}.safetensors", model, x)

if task == "train":  # a model that goes elsewhere, in every type
    torch.manual_seed(1)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(15):
        x = torch.randn(16, 2, 8, 8)
        loss = nn.functional.cross_entropy(model(x), torch.randint(4, (16,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model[1].num_batches_tracked.fill_(2**40 + 1)
    standalone.write(f"{folder}/x.safetensors", {"x": torch.randn(9, 2, 8, 8)})
    x = standalone.read(f"{folder}/x.safetensors")[0]["x"]
    state = model.state_dict()
    for name in ["F64", "F32", "F16", "BF16"]:
        dtype = standalone.TYPES[name]
        cast = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
        standalone.write(f"{folder}/{name}.safetensors", cast, {"format": "pt"})
        other = network()
        other.load_state_dict(cast)
        answer(f"y-{name}.safetensors", other, x)
    torch.save(state, f"{folder}/zip.pt")
    torch.save(state, f"{folder}/pickle.pt", _use_new_zipfile_serialization=False)

if task == "tied":
    torch.manual_seed(2)
    x = torch.randn(3, 5)
    ours = Tied()
    standalone.write(f"{folder}/x.safetensors", {"x": x})
    standalone.write(f"{folder}/theirs.safetensors", ours.state_dict())
    answer("y-theirs.safetensors", ours, x)
    assert [name for name, _ in ours.named_parameters()] == ["encoder.weight", "encoder.bias", "decoder.bias"]

if task == "tied-back":
    x = standalone.read(f"{folder}/x.safetensors")[0]["x"]
    state, _ = standalone.read(f"{folder}/ours.safetensors")
    model = Tied()
    model.load_state_dict(state)
    assert list(model.state_dict()) == sorted(state, key=list(model.state_dict()).index)
    answer("y-ours.safetensors", model, x)
    # Two values for one weight: the last counts.
    state["encoder.weight"] = torch.zeros(5, 5)
    model.load_state_dict(state)
    answer("y-last.safetensors", model, x)

if task == "half":
    values = standalone.read(f"{folder}/values.safetensors")[0]["x"]
    standalone.write(f"{folder}/half.safetensors", OrderedDict(x=values.half()))
