"""Whole training runs on the shipped images: every step's loss of an MLP, and a small CNN's whole
state before each step with the gradients of it."""
import sys

import torch
from torch import nn

import networks
from common import write

STEPS = 60
BATCH = 100


def batches(flat):
    pixels, labels = networks.shipped()
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        x = pixels[rows]
        yield (x.reshape(BATCH, -1) if flat else x[:, None]), labels[rows]


def mlp_losses(make_optimizer, dtype=torch.float32):
    model = networks.mlp([784, 200, 100, 60, 30, 10]).to(dtype)
    networks.set_weights(model)
    optimizer = make_optimizer(model.parameters())
    losses = []
    for x, y in batches(flat=True):
        loss = nn.functional.cross_entropy(model(x.to(dtype)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# A ReLU whose input is this near to zero may pass its gradient in one float32 implementation and not in
# another (PyTorch in float32 and float64 differ so in one step of fifteen). A handful a step are.
KINK = 4e-6


def kink_slack(model, x, y):
    """How far each gradient can move if ReLUs near zero decide otherwise: Σ |what each one weighs|."""

    def gradients():
        model.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        return {name: p.grad.clone() for name, p in model.named_parameters()}

    exact = gradients()
    slack = {name: torch.zeros_like(g) for name, g in exact.items()}
    relus = [m for m in model.modules() if isinstance(m, networks.FlippableReLU)]
    near = [(relu, i) for relu in relus for i in (relu.input.abs() < KINK).nonzero().flatten()]
    for relu, i in near:
        relu.flipped = i
        for name, g in gradients().items():
            slack[name] += (g - exact[name]).abs()
        relu.flipped = None
    return slack


def cnn_states(widths=(24, 48, 64, 200), steps=STEPS):
    """Yields, for each step, everything as float32 arrays: the state before it, its gradients, and
    how far ReLUs that stand near zero can move each gradient."""
    model = networks.cnn(*widths)
    twin = networks.cnn(*widths, relu=networks.FlippableReLU)
    networks.set_weights(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step, (x, y) in enumerate(batches(flat=False)):
        if step == steps:
            return
        state = {f"model.{k}": v.detach().clone() for k, v in model.state_dict().items()}
        for i, p in enumerate(model.parameters()):
            for key in ("exp_avg", "exp_avg_sq"):
                moment = optimizer.state[p][key] if step else torch.zeros_like(p)
                state[f"optimizer.{i}.{key}"] = moment.detach().clone()
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        for name, p in model.named_parameters():
            state[f"gradient.{name}"] = p.grad.detach().clone()
        twin.load_state_dict({k[6:]: v for k, v in state.items() if k.startswith("model.")})
        slack = kink_slack(twin, x, y)
        state.update({f"slack.{name}": value for name, value in slack.items()})
        yield step, loss.item(), state
        optimizer.step()


def stream(out, widths, steps):
    """The states as raw little-endian float32, step after step, for a test that reads along."""
    for step, loss, state in cnn_states(widths, steps):
        out.write(torch.tensor([float(step), loss], dtype=torch.float32).numpy().tobytes())
        for value in state.values():
            out.write(value.to(torch.float32).contiguous().numpy().tobytes())
        out.flush()


if __name__ == "__main__":
    torch.set_num_threads(1)
    if "--stream" in sys.argv:
        stream(sys.stdout.buffer, (24, 48, 64, 200), STEPS)
    else:
        sgd = lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-4)
        # At the default eps of 1e-8 Adam divides rounding errors by rounding errors: PyTorch in float32
        # and in float64 then differ by 4e-3 after 60 steps. At 1e-5 they agree to 2e-7.
        adam = lambda p: torch.optim.Adam(p, lr=1e-3, eps=1e-5)
        write(__file__, [
            {"name": "mlp, Adam", "losses": mlp_losses(adam), "exact": mlp_losses(adam, torch.float64)},
            {"name": "mlp, SGD", "losses": mlp_losses(sgd), "exact": mlp_losses(sgd, torch.float64)},
        ])
        with open(__file__.replace(".py", "-cnn.bin"), "wb") as out:
            stream(out, (2, 3, 4, 6), STEPS)
