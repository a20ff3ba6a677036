"""Spectral normalization of linear layers and convolutions by PyTorch, over four steps of SGD."""
import torch
from torch import nn
from torch.nn.utils import spectral_norm

from common import write

torch.manual_seed(15)


def case(name, kind, layer, *shapes, rounds=1):
    """A step's output is the sum of the layer's over its inputs, each a forward of its own."""
    layer = spectral_norm(layer, n_power_iterations=rounds)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
    state = {key: value.clone() for key, value in layer.state_dict().items()}
    steps = []
    for _ in range(4):
        x = [torch.randn(shape, requires_grad=True) for shape in shapes]
        y = sum(layer(each) for each in x)
        dy = torch.randn_like(y)
        optimizer.zero_grad()
        y.backward(dy)
        steps.append({
            "x": x, "dy": dy, "y": y, "dx": [each.grad for each in x],
            "weight_u": layer.weight_u.clone(), "weight_v": layer.weight_v.clone(),
            "gradients": {key: value.grad.clone() for key, value in layer.named_parameters()},
        })
        optimizer.step()
    layer.eval()
    x = torch.randn(shapes[0])
    evaluated = {"x": x, "y": layer(x)}
    return {"name": name, "kind": kind, "rounds": rounds, "keys": list(state), "state": state,
            "steps": steps, "evaluated": evaluated}


write(__file__, [
    case("Linear(7, 5)", "Linear", nn.Linear(7, 5), (4, 7)),
    case("Linear(19, 3) without bias", "Linear", nn.Linear(19, 3, bias=False), (6, 19), rounds=3),
    case("Linear(6, 4), twice in a step", "Linear", nn.Linear(6, 4), (5, 6), (5, 6)),
    case("Conv1d(3, 5, 3)", "Conv1d", nn.Conv1d(3, 5, 3), (2, 3, 9)),
    case("Conv2d(3, 4, 3)", "Conv2d", nn.Conv2d(3, 4, 3), (2, 3, 6, 5)),
])
