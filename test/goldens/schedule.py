"""Learning rates of PyTorch's schedulers, before the first step and after each one."""
import warnings

import torch
from torch.optim import lr_scheduler
from common import write

warnings.filterwarnings("ignore")  # "lr_scheduler.step() before optimizer.step()": no weights here


def rates(make, steps, groups=(0.1, 0.03), momentum=None):
    """lr of each group (and momentum) at 0, 1, … steps."""
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in groups]
    options = {} if momentum is None else {"momentum": momentum}
    optimizer = torch.optim.SGD(
        [dict(params=[p], lr=lr) for p, lr in zip(parameters, groups)], lr=1.0, **options
    )
    schedule = make(optimizer)
    lr, momenta = [], []
    for step in range(steps + 1):
        lr.append([group["lr"] for group in optimizer.param_groups])
        momenta.append([group.get("momentum") for group in optimizer.param_groups])
        if step < steps:
            optimizer.step()
            schedule.step()
    found = {"lr": torch.tensor(lr, dtype=torch.float64)}
    if momentum is not None:
        found["momentum"] = torch.tensor(momenta, dtype=torch.float64)
    return found


cases = [
    {"name": "StepLR", "options": {"stepSize": 3, "gamma": 0.5}}
    | rates(lambda o: lr_scheduler.StepLR(o, 3, gamma=0.5), 20),
    {"name": "MultiStepLR", "options": {"milestones": [2, 5, 5, 11], "gamma": 0.3}}
    | rates(lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 5, 11], gamma=0.3), 20),
    {"name": "ExponentialLR", "options": {"gamma": 0.93}}
    | rates(lambda o: lr_scheduler.ExponentialLR(o, 0.93), 50),
    {"name": "CosineAnnealingLR", "options": {"tMax": 30, "etaMin": 0.001}}
    | rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 30, eta_min=0.001), 30),
    {"name": "LambdaLR", "options": {}}
    | rates(lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)), 10),
    {"name": "LinearWarmup", "options": {"startFactor": 0.25, "warmupSteps": 4}}
    | rates(
        lambda o: lr_scheduler.LinearLR(o, start_factor=0.25, total_iters=4), 12
    ),
    {"name": "LinearWarmup+ExponentialLR", "options": {"startFactor": 0.1, "warmupSteps": 5, "gamma": 0.9}}
    | rates(
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.LinearLR(o, start_factor=0.1, total_iters=5),
                lr_scheduler.ExponentialLR(o, 0.9),
            ],
            milestones=[5],
        ),
        15,
    ),
]
for options, made in [
    (dict(maxLr=0.5, totalSteps=40), dict(max_lr=0.5, total_steps=40)),
    (
        dict(maxLr=[0.2, 0.4], totalSteps=33, pctStart=0.25, divFactor=10, finalDivFactor=100,
             baseMomentum=0.8, maxMomentum=0.9),
        dict(max_lr=[0.2, 0.4], total_steps=33, pct_start=0.25, div_factor=10, final_div_factor=100,
             base_momentum=0.8, max_momentum=0.9),
    ),
    (
        dict(maxLr=0.5, totalSteps=25, annealStrategy="linear", threePhase=True),
        dict(max_lr=0.5, total_steps=25, anneal_strategy="linear", three_phase=True),
    ),
    # The rise would end before the first step.
    (
        dict(maxLr=0.5, totalSteps=12, pctStart=0.05),
        dict(max_lr=0.5, total_steps=12, pct_start=0.05),
    ),
    (
        dict(maxLr=0.5, totalSteps=9, pctStart=0, annealStrategy="linear"),
        dict(max_lr=0.5, total_steps=9, pct_start=0.0, anneal_strategy="linear"),
    ),
    (
        dict(maxLr=0.5, totalSteps=10, pctStart=0.08, threePhase=True),
        dict(max_lr=0.5, total_steps=10, pct_start=0.08, three_phase=True),
    ),
    (
        dict(maxLr=0.5, totalSteps=10, pctStart=0.3, baseMomentum=0, maxMomentum=0.9),
        dict(max_lr=0.5, total_steps=10, pct_start=0.3, base_momentum=0.0, max_momentum=0.9),
    ),
]:
    steps = made["total_steps"] - 1
    cases.append(
        {"name": "OneCycleLR", "options": options}
        | rates(lambda o: lr_scheduler.OneCycleLR(o, **made), steps, momentum=0.9)
    )

write(__file__, cases)
