"""Weight normalization of a linear layer and a convolution by PyTorch, over three steps of SGD."""
import torch
from torch import nn
from torch.nn.utils import weight_norm

from common import write

torch.manual_seed(14)


def case(name, kind, layer, shape):
    layer = weight_norm(layer)
    with torch.no_grad():
        layer.weight_g.mul_(1.5)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
    state = {key: value.clone() for key, value in layer.state_dict().items()}
    steps = []
    for _ in range(3):
        x = torch.randn(shape, requires_grad=True)
        y = layer(x)
        dy = torch.randn_like(y)
        optimizer.zero_grad()
        y.backward(dy)
        steps.append({
            "x": x, "dy": dy, "y": y, "dx": x.grad, "weight": layer.weight.clone(),
            "gradients": {key: value.grad.clone() for key, value in layer.named_parameters()},
        })
        optimizer.step()
    return {"name": name, "kind": kind, "keys": list(state), "state": state, "steps": steps}


write(__file__, [
    case("Linear(7, 5)", "linear", nn.Linear(7, 5), (4, 7)),
    case("Linear(19, 3) without bias", "linear", nn.Linear(19, 3, bias=False), (6, 19)),
    case("Conv2d(3, 4, 3)", "conv", nn.Conv2d(3, 4, 3), (2, 3, 6, 5)),
])
