"""Multi-head attention and the encoder layer as PyTorch computes them, with causal and padding masks."""
import torch
from torch import nn

from common import write

torch.manual_seed(33)


def gradients(layer):
    return {name: p.grad for name, p in layer.named_parameters()}


def attention(n, t, e, heads, s=None, causal=False, padding=None, **options):
    layer = nn.MultiheadAttention(e, heads, batch_first=True, **options)
    for parameter in layer.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter)
    x = torch.randn(n, t, e, requires_grad=True)
    memory = None if s is None else torch.randn(n, s, e, requires_grad=True)
    key = x if memory is None else memory
    length = t if s is None else s
    mask = torch.triu(torch.ones(t, length, dtype=torch.bool), 1) if causal else None
    ignore = None if padding is None else torch.arange(length)[None, :] >= torch.tensor(padding)[:, None]
    y, _ = layer(x, key, key, attn_mask=mask, key_padding_mask=ignore, need_weights=False)
    dy = torch.randn(y.shape)
    y.backward(dy)
    name = f"[{n}, {t}, {e}], {heads} heads" + (f", {s} keys" if s else "") + (", causal" if causal else "")
    return {
        "name": name + (", padding" if padding else "") + "".join(f", {k} {v}" for k, v in options.items()),
        "kind": "attention", "embed": e, "heads": heads, "causal": causal, "options": options,
        "padding": None if ignore is None else ignore.to(torch.int32), "x": x, "memory": memory, "y": y, "dy": dy,
        "dx": x.grad, "dMemory": None if memory is None else memory.grad, "state": dict(layer.named_parameters()),
        "gradients": gradients(layer),
    }


def encoder(n, t, e, heads, wide, causal=False, padding=None, **options):
    layer = nn.TransformerEncoderLayer(e, heads, wide, dropout=0.0, batch_first=True, **options)
    for parameter in layer.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter)
    x = torch.randn(n, t, e, requires_grad=True)
    mask = torch.triu(torch.ones(t, t, dtype=torch.bool), 1) if causal else None
    ignore = None if padding is None else torch.arange(t)[None, :] >= torch.tensor(padding)[:, None]
    y = layer(x, src_mask=mask, src_key_padding_mask=ignore)
    dy = torch.randn(y.shape)
    y.backward(dy)
    return {
        "name": f"encoder [{n}, {t}, {e}]" + (", causal" if causal else "") + (", padding" if padding else "")
        + "".join(f", {k} {v}" for k, v in options.items()),
        "kind": "encoder", "embed": e, "heads": heads, "wide": wide, "causal": causal, "options": options,
        "padding": None if ignore is None else ignore.to(torch.int32), "x": x, "y": y, "dy": dy, "dx": x.grad,
        "state": dict(layer.named_parameters()), "gradients": gradients(layer),
    }


write(__file__, [
    attention(2, 5, 8, 2),
    attention(1, 7, 12, 3, causal=True),
    attention(3, 4, 10, 5, padding=[4, 1, 3]),
    attention(2, 6, 8, 4, causal=True, padding=[6, 3]),
    attention(2, 3, 8, 2, s=9),
    attention(2, 3, 8, 2, s=5, padding=[2, 5], bias=False),
    attention(1, 130, 6, 1, causal=True),
    encoder(2, 5, 8, 2, 16),
    encoder(2, 6, 8, 4, 12, causal=True, padding=[6, 3]),
    encoder(1, 4, 8, 2, 16, norm_first=True, activation="gelu"),
])
