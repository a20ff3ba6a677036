"""RNN, LSTM and GRU as PyTorch computes them: layers, directions, lengths, the whole output and the last state."""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common import write

torch.manual_seed(31)


def case(kind, steps, batch, inputs, hidden, lengths=None, last=False, **options):
    layer = getattr(nn, kind)(inputs, hidden, **options)
    first = options.get("batch_first", False)
    x = torch.randn((batch, steps, inputs) if first else (steps, batch, inputs), requires_grad=True)
    given = x
    if lengths is not None:
        given = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
    y, state = layer(given)
    if lengths is not None:
        y, _ = pad_packed_sequence(y, batch_first=first, total_length=steps)
    if last:
        h = state[0] if kind == "LSTM" else state
        directions = 2 if options.get("bidirectional") else 1
        y = torch.cat(list(h[-directions:]), 1)
    dy = torch.randn(y.shape)
    y.backward(dy)
    parts = [f"{key} {value}" for key, value in options.items()]
    parts += (["lengths"] if lengths is not None else []) + (["last"] if last else [])
    return {
        "name": ", ".join([f"{kind} {[steps, batch, inputs, hidden]}", *parts]), "kind": kind,
        "inputs": inputs, "hidden": hidden, "options": options, "last": last,
        "lengths": None if lengths is None else lengths.to(torch.int32), "x": x, "dy": dy, "y": y, "dx": x.grad,
        "state": dict(layer.named_parameters()), "gradients": {n: p.grad for n, p in layer.named_parameters()},
    }


LENGTHS = torch.tensor([3, 5, 1, 4])
write(__file__, [
    entry
    for kind in ("RNN", "LSTM", "GRU")
    for entry in (
        case(kind, 5, 3, 4, 7),
        case(kind, 6, 2, 3, 16, batch_first=True, bias=False),
        case(kind, 4, 2, 5, 5, num_layers=2, bidirectional=True),
        case(kind, 5, 4, 3, 6, LENGTHS, bidirectional=True, num_layers=2),
        case(kind, 5, 4, 3, 6, LENGTHS, last=True, bidirectional=True, batch_first=True),
        case(kind, 3, 5, 4, 9, last=True),
    )
] + [
    case("RNN", 4, 3, 4, 6, nonlinearity="relu"),
])
