"""Optimizers over 25 steps on two parameters of odd sizes, gradients given; clip_grad_norm_; EMA.

The second parameter has no gradient at steps 4 and 5: PyTorch then skips it, and its count of steps
falls behind.

1.13 has no Lion, and no maximize and decoupled_weight_decay of NAdam and RAdam: the classes below write
today's documentation, and Lion's Algorithm 2 (Chen et al., 2023), with PyTorch's operations.
"""
import torch
from common import write

STEPS = 25
SHAPES = [(37,), (3, 7)]
SHOWN = [1, 2, 6, 25]
generator = torch.Generator().manual_seed(7)


def normal(shape, scale=1.0):
    return scale * torch.randn(shape, generator=generator)


weights = [normal(shape) for shape in SHAPES]
grads = [[normal(shape, 0.5) for shape in SHAPES] for _ in range(STEPS)]
cases = [{"weights": weights, "grads": grads, "shown": SHOWN}]



def later(kind):
    """NAdam or RAdam with the options that came after 1.13."""

    class Later(kind):
        def __init__(self, params, decoupled_weight_decay=False, maximize=False, weight_decay=0, **options):
            coupled = 0 if decoupled_weight_decay else weight_decay
            # 1.13's NAdam multiplies μ twice into the next product, but not in its foreach form, which is today's.
            super().__init__(params, weight_decay=coupled, foreach=True, **options)
            self.shrink = weight_decay if decoupled_weight_decay else 0
            self.maximize = maximize

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    p.mul_(1 - group["lr"] * self.shrink)
                    if self.maximize:
                        p.grad.neg_()
            super().step()

    return Later


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = -p.grad if group["maximize"] else p.grad
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(beta1 * m + (1 - beta1) * g))
                m.mul_(beta2).add_(g, alpha=1 - beta2)


OPTIMIZERS = {"NAdam": later(torch.optim.NAdam), "RAdam": later(torch.optim.RAdam), "Lion": Lion}

CONFIGS = [
    ("SGD", dict(lr=0.1)),
    ("SGD", dict(lr=0.1, weight_decay=0.05)),
    ("SGD", dict(lr=0.05, momentum=0.9)),
    ("SGD", dict(lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01)),
    ("SGD", dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01)),
    ("Adam", dict(lr=0.01)),
    ("Adam", dict(lr=0.02, betas=(0.8, 0.99), eps=1e-5, weight_decay=0.1)),
    ("Adam", dict(lr=0.01, amsgrad=True)),
    ("AdamW", dict(lr=0.01)),
    ("AdamW", dict(lr=0.02, betas=(0.85, 0.98), weight_decay=0.2, amsgrad=True)),
    ("RMSprop", dict(lr=0.01)),
    ("RMSprop", dict(lr=0.01, alpha=0.9, eps=1e-6, weight_decay=0.05)),
    ("RMSprop", dict(lr=0.005, momentum=0.9)),
    ("RMSprop", dict(lr=0.005, momentum=0.7, centered=True, weight_decay=0.02)),
    ("NAdam", dict(lr=0.01)),
    ("NAdam", dict(lr=0.02, betas=(0.8, 0.99), eps=1e-5, weight_decay=0.1, momentum_decay=0.02)),
    ("NAdam", dict(lr=0.02, weight_decay=0.1, decoupled_weight_decay=True, maximize=True)),
    ("RAdam", dict(lr=0.01)),
    ("RAdam", dict(lr=0.01, betas=(0.8, 0.9), eps=1e-5, weight_decay=0.1)),
    ("RAdam", dict(lr=0.02, betas=(0.8, 0.95), weight_decay=0.1, decoupled_weight_decay=True, maximize=True)),
    ("Adagrad", dict(lr=0.1)),
    ("Adagrad", dict(lr=0.1, lr_decay=0.1, weight_decay=0.05, initial_accumulator_value=0.3, eps=1e-5)),
    ("Adagrad", dict(lr=0.1, maximize=True, weight_decay=0.05)),
    ("Lion", dict(lr=0.01)),
    ("Lion", dict(lr=0.02, betas=(0.7, 0.95), weight_decay=0.2)),
    ("Lion", dict(lr=0.02, weight_decay=0.1, maximize=True)),
    ("SGD", dict(lr=0.05, momentum=0.9, weight_decay=0.01, maximize=True)),
    ("Adam", dict(lr=0.01, weight_decay=0.1, maximize=True)),
    ("AdamW", dict(lr=0.01, maximize=True)),
    ("RMSprop", dict(lr=0.01, weight_decay=0.05, maximize=True)),
]

# Options that are changed behind a step: PyTorch's momentum buffer begins when momentum is first used.
CHANGES = [
    ("SGD", dict(lr=0.1), {3: dict(momentum=0.9, dampening=0.4), 9: dict(momentum=0), 14: dict(momentum=0.7)}),
    ("SGD", dict(lr=0.1, momentum=0.9), {2: dict(momentum=0), 7: dict(lr=0.02), 24: dict(weight_decay=0.1)}),
]

for name, options, changes in [(*config, {}) for config in CONFIGS] + CHANGES:
    parameters = [torch.nn.Parameter(w.clone()) for w in weights]
    optimizer = OPTIMIZERS.get(name, getattr(torch.optim, name, None))(parameters, **options)
    after = []
    for step in range(1, STEPS + 1):
        for k, parameter in enumerate(parameters):
            skipped = k == 1 and step in (4, 5)
            parameter.grad = None if skipped else grads[step - 1][k].clone()
        optimizer.step()
        optimizer.param_groups[0].update(changes.get(step, {}))
        if step in SHOWN:
            after.append([p.detach().clone() for p in parameters])
    state = [
        {
            key: float(value) if key in ("step", "mu_product") else value
            for key, value in optimizer.state[p].items()
            if value is not None
        }
        for p in parameters
    ]
    case = {"name": name, "options": options, "after": after, "state": state}
    cases.append(case | ({"changes": changes} if changes else {}))

# One group of its own settings, in PyTorch's state dict.
parameters = [torch.nn.Parameter(w.clone()) for w in weights]
optimizer = torch.optim.Adam(
    [dict(params=parameters[:1]), dict(params=parameters[1:], lr=0.05, weight_decay=0.1)], lr=0.01
)
for step in range(5):
    for parameter, grad in zip(parameters, grads[step]):
        parameter.grad = grad.clone()
    optimizer.step()
cases.append(
    {
        "name": "groups",
        "after": [p.detach().clone() for p in parameters],
        "groups": [
            {k: v for k, v in group.items() if k in ("lr", "weight_decay", "params")}
            for group in optimizer.state_dict()["param_groups"]
        ],
    }
)

for max_norm in (0.5, 1000.0):
    parameters = [torch.nn.Parameter(w.clone()) for w in weights]
    for parameter, grad in zip(parameters, grads[0]):
        parameter.grad = grad.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    cases.append(
        {
            "name": "clipGradNorm",
            "maxNorm": max_norm,
            "norm": norm.item(),
            "after": [p.grad.clone() for p in parameters],
        }
    )

for norm_type in (1.0, 3.0, 0.5, float("inf")):
    parameters = [torch.nn.Parameter(w.clone()) for w in weights]
    for parameter, grad in zip(parameters, grads[0]):
        parameter.grad = grad.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0, norm_type=norm_type)
    cases.append(
        {
            "name": "clipGradNorm",
            "maxNorm": 1.0,
            "normType": "inf" if norm_type == float("inf") else norm_type,
            "norm": norm.item(),
            "after": [p.grad.clone() for p in parameters],
        }
    )

# A group that is added after two steps.
parameters = [torch.nn.Parameter(w.clone()) for w in weights]
optimizer = torch.optim.Adam(parameters[:1], lr=0.01)
for step in range(5):
    if step == 2:
        optimizer.add_param_group(dict(params=parameters[1:], weight_decay=0.1))
    for parameter, grad in zip(parameters, grads[step]):
        parameter.grad = grad.clone()
    optimizer.step()
cases.append({"name": "addParamGroup", "after": [p.detach().clone() for p in parameters]})

# Exponential moving average of weights, decay 0.9, along 25 steps of SGD.
linear = torch.nn.Linear(5, 3)
with torch.no_grad():
    linear.weight.copy_(weights[1][:, :5])
    linear.bias.copy_(weights[0][:3])
first = [p.detach().clone() for p in linear.parameters()]
average = torch.optim.swa_utils.AveragedModel(
    linear, avg_fn=lambda old, new, count: 0.9 * old + (1 - 0.9) * new
)
average.update_parameters(linear)  # the first call only copies: the average starts at the weights
optimizer = torch.optim.SGD(linear.parameters(), lr=0.1)
for step in range(STEPS):
    linear.weight.grad = grads[step][1][:, :5].clone()
    linear.bias.grad = grads[step][0][:3].clone()
    optimizer.step()
    average.update_parameters(linear)
cases.append(
    {
        "name": "ema",
        "first": first,
        "weights": [p.detach().clone() for p in linear.parameters()],
        "averages": [p.detach().clone() for p in average.parameters()],
    }
)

# The equal-weight average of 25 weights.
swa = torch.optim.swa_utils.AveragedModel(linear)
with torch.no_grad():
    for step in range(STEPS):
        linear.weight.copy_(grads[step][1][:, :5])
        linear.bias.copy_(grads[step][0][:3])
        swa.update_parameters(linear)
cases.append(
    {"name": "swa", "averages": [p.detach().clone() for p in swa.parameters()], "updates": int(swa.n_averaged)}
)

write(__file__, cases)
