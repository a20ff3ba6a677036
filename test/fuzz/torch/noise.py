"""Noise of about float32's rounding, and kinks near which float32 may decide otherwise."""
import torch

NOISE = 3e-7
KINK = 2e-5


class State:
    """Of the run: whether noise is added, and whether a kink was near."""

    noise = None
    kink = False


def near(values):
    """Notes a kink if one of the values, distances from kinks, is small; 0 itself is 0 in float32 too."""
    distance = values.detach().abs()
    if State.noise is None and ((distance < KINK) & (distance > 0)).any():
        State.kink = True


def noisy(y):
    """y with noise, which also enters the gradient that comes back."""
    if State.noise is None:
        return y

    def shaken(v):
        floor = v.detach().abs().mean() * 0.3 * (v.detach() != 0)
        return NOISE * (v.detach().abs() + floor) * torch.randn(v.shape, generator=State.noise)

    y = y + shaken(y)
    if y.requires_grad:
        y.register_hook(lambda g: g + shaken(g))
    return y


def kinked(module, distances):
    module.register_forward_pre_hook(lambda _, inputs: distances(inputs[0]))
    return module


def noisy_norm(_, inputs, y):
    """A norm's input gradient is a difference of larger numbers, which are rounded: noise of their size."""
    x = inputs[0]
    if State.noise is None or not y.requires_grad or not x.requires_grad:
        return
    gain = max(y.detach().std() / x.detach().std(), y.detach().norm() / x.detach().norm())
    found = {}
    y.register_hook(lambda g: found.update(size=g.abs().mean()))
    x.register_hook(lambda g: g + NOISE * gain * found["size"] * torch.randn(g.shape, generator=State.noise))


def noisy_weight(module, _, y):
    """The same of the gradients that weight norm and spectral norm compute from that of the weight."""
    w = module.weight
    if State.noise is None or not w.requires_grad:
        return
    source = module.weight_v if hasattr(module, "weight_g") else module.weight_orig
    gain = (w.detach() / source.detach()).abs().max()
    found = {}
    w.register_hook(lambda g: found.update(size=g.abs().max()))
    if source.requires_grad:
        source.register_hook(lambda g: g + NOISE * gain * found["size"] * torch.randn(g.shape, generator=State.noise))
