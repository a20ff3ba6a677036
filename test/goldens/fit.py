"""What fit does with accumulate and clipNorm: two epochs of seven batches, the last one smaller, in float64.

Each batch's loss is divided by the batches of its group before backward; clip_grad_norm_ and the step follow when
the group is complete, or the epoch has ended.
"""
import torch
from torch import nn

import networks
from common import write

SIZES = [8, 8, 8, 8, 8, 8, 5]
EPOCHS = 2


def batches():
    x = torch.tensor(networks.hashed(50, sum(SIZES) * 6) * 4 - 2).reshape(-1, 6)
    y = torch.tensor((networks.hashed(51, sum(SIZES)) * 3).astype(int))
    return list(zip(x.split(SIZES), y.split(SIZES)))


def run(accumulate, max_norm=None, norm_type=2.0, reduction="mean"):
    model = networks.mlp([6, 9, 3]).double()
    networks.set_weights(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1 if reduction == "mean" else 0.02, momentum=0.9)
    losses, norms = [], []
    for _ in range(EPOCHS):
        data = batches()
        for start in range(0, len(data), accumulate):
            group = data[start:start + accumulate]
            optimizer.zero_grad()
            for x, y in group:
                loss = nn.functional.cross_entropy(model(x), y, reduction=reduction)
                (loss / len(group)).backward()
                losses.append(loss.item())
            if max_norm is not None:
                norms.append(nn.utils.clip_grad_norm_(model.parameters(), max_norm, norm_type).item())
            optimizer.step()
    return {
        "name": f"accumulate {accumulate}, clipNorm {max_norm}, normType {norm_type}, {reduction}",
        "accumulate": accumulate, "clipNorm": max_norm,
        "normType": "Infinity" if norm_type == float("inf") else norm_type, "reduction": reduction,
        "losses": losses, "norms": norms, "state": dict(model.state_dict()),
    }


write(__file__, [
    run(1),
    run(1, 0.3),
    run(2),
    run(3, 0.3),
    run(4, 0.05, float("inf")),
    run(3, 0.8, 1.0),
    run(3, 2.0, reduction="sum"),
    run(20, 0.2),
])
