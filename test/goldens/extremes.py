"""Activations and losses at the ends of float32's range, and their gradients, by PyTorch, float32."""
import torch
import torch.nn.functional as F

from common import write

ENDS = [0.0, 1e-38, 1e-20, 30.0, 88.0, 104.0, 1e10, 1e15, 1e19, 1e20, 3e38, float("inf")]
X = torch.tensor([sign * end for end in ENDS for sign in (1.0, -1.0)] + [float("nan")])


def case(kind, name, f, t=None, **parameters):
    """Each element alone, so that one element's answer does not depend on the lanes of another."""
    y, dx = [], []
    for i in range(len(X)):
        x = X[i : i + 1].clone().requires_grad_()
        value = f(x) if t is None else f(x, t[i : i + 1])
        value.sum().backward()
        y.append(value.detach().reshape(1))
        dx.append(x.grad)
    found = {"kind": kind, "name": name, "x": X, "y": torch.cat(y), "dx": torch.cat(dx)}
    return {**found, **({} if t is None else {"t": t}), **parameters}


activations = {
    "ReLU": F.relu,
    "ReLU6": F.relu6,
    "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh,
    "GELU": F.gelu,
    "GELU(tanh)": lambda x: F.gelu(x, approximate="tanh"),
    "SiLU": F.silu,
    "LeakyReLU(0.01)": F.leaky_relu,
    "PReLU": lambda x: F.prelu(x, torch.tensor([0.25])),
    "ELU(1)": F.elu,
    "ELU(0.5)": lambda x: F.elu(x, 0.5),
}
cases = [case("activation", name, f) for name, f in activations.items()]
losses = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "bceWithLogits": F.binary_cross_entropy_with_logits,
    "klDiv": lambda x, t: F.kl_div(x, t, reduction="sum"),
}
for name, f in losses.items():
    for target in (0.0, 0.5, 1.0):
        cases.append(case("loss", name, f, torch.full_like(X, target)))
for label in (0, 1):
    for other in (0.0, 1.0):

        def logits(x):
            return torch.stack([x, torch.full_like(x, other)], 1)

        cases.append(
            case(
                "loss",
                "crossEntropy",
                lambda x: F.cross_entropy(logits(x), torch.tensor([label])),
                label=label,
                other=other,
            )
        )
for name, f in {"Softmax": F.softmax, "LogSoftmax": F.log_softmax}.items():

    def first(x):
        return f(torch.stack([x, torch.zeros_like(x)], 1), 1)[:, 0]

    cases.append(case("softmax", name, first))
write(__file__, cases)
