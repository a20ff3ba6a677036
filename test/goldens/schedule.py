"""Learning rates of PyTorch's schedulers, before the first step and after each one."""
import warnings

import torch
from torch.optim import lr_scheduler
from common import write

warnings.filterwarnings("ignore")  # "lr_scheduler.step() before optimizer.step()": no weights here


def rates(make, steps, groups=(0.1, 0.03), momentum=None, metrics=None):
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
            schedule.step(*([] if metrics is None else [metrics[step]]))
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
cases += [
    {"name": "LinearWarmup", "options": {"startFactor": 0.9, "endFactor": 0.2, "warmupSteps": 7}}
    | rates(lambda o: lr_scheduler.LinearLR(o, start_factor=0.9, end_factor=0.2, total_iters=7), 12),
    {"name": "PolynomialLR", "options": {}} | rates(lambda o: lr_scheduler.PolynomialLR(o), 8),
    {"name": "PolynomialLR", "options": {"totalIters": 9, "power": 2.5}}
    | rates(lambda o: lr_scheduler.PolynomialLR(o, 9, power=2.5), 12),
    {"name": "CosineAnnealingWarmRestarts", "options": {"t0": 4}}
    | rates(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4), 14),
    {"name": "CosineAnnealingWarmRestarts", "options": {"t0": 3, "tMult": 2, "etaMin": 0.001}}
    | rates(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.001), 30),
]
for options, made in [
    (dict(baseLr=0.01, maxLr=0.1, stepSizeUp=4), dict(base_lr=0.01, max_lr=0.1, step_size_up=4)),
    (
        dict(baseLr=[0.01, 0.02], maxLr=[0.1, 0.3], stepSizeUp=3, stepSizeDown=5, mode="triangular2",
             baseMomentum=0.7, maxMomentum=0.95),
        dict(base_lr=[0.01, 0.02], max_lr=[0.1, 0.3], step_size_up=3, step_size_down=5, mode="triangular2",
             base_momentum=0.7, max_momentum=0.95),
    ),
    (
        dict(baseLr=0.01, maxLr=0.1, stepSizeUp=5, stepSizeDown=2, mode="exp_range", gamma=0.97),
        dict(base_lr=0.01, max_lr=0.1, step_size_up=5, step_size_down=2, mode="exp_range", gamma=0.97),
    ),
]:
    cases.append(
        {"name": "CyclicLR", "options": options}
        | rates(lambda o: lr_scheduler.CyclicLR(o, **made), 25, momentum=0.9)
    )
metrics = [1.0, 0.8, 0.79999, 0.9, 0.7, 0.7, 0.71, 0.72, 0.73, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.4, 0.41, 0.42, 0.43, 0.44,
           0.45, 0.3999, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
for options, made in [
    (dict(patience=2), dict(patience=2)),
    (dict(patience=0, factor=0.5, cooldown=2, minLr=[0.02, 0.001]),
     dict(patience=0, factor=0.5, cooldown=2, min_lr=[0.02, 0.001])),
    (dict(mode="max", patience=1, factor=0.7, threshold=0.1, thresholdMode="abs"),
     dict(mode="max", patience=1, factor=0.7, threshold=0.1, threshold_mode="abs")),
    (dict(mode="max", patience=3, factor=0.7, eps=0.01), dict(mode="max", patience=3, factor=0.7, eps=0.01)),
]:
    found = rates(lambda o: lr_scheduler.ReduceLROnPlateau(o, **made), len(metrics), metrics=metrics)
    cases.append({"name": "ReduceLROnPlateau", "options": options, "metrics": metrics} | found)

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
