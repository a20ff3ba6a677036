"""torchvision's (0.14) own ResNet-18 and MobileNetV2: their state's names and shapes, and logits in
evaluation from a state and an image that networks.hashed gives on either side."""
import numpy
import torch
import torchvision

import networks
from common import write

IMAGE = (1, 3, 64, 64)


def fill(model):
    """Entry by entry, seeded by its place in the state dict; the scales keep activations near 1."""
    for seed, (name, entry) in enumerate(model.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        u = networks.hashed(seed, entry.numel()).reshape(tuple(entry.shape))
        if entry.dim() > 1:
            values = (u * 2 - 1) * numpy.sqrt(6 / numpy.prod(entry.shape[1:]))
        elif name.endswith("weight") or name.endswith("running_var"):
            values = u + 0.5
        else:
            values = (u - 0.5) * 0.2
        # What float32 holds, so that both sides start from the same.
        entry.copy_(torch.tensor(values.astype(numpy.float32)))


cases = []
for name in ("resnet18", "mobilenet_v2"):
    model = getattr(torchvision.models, name)(weights=None).double().eval()
    fill(model)
    x = networks.hashed(1000, numpy.prod(IMAGE)).reshape(IMAGE) * 2 - 1
    with torch.no_grad():
        logits = model(torch.tensor(x.astype(numpy.float32)).double()).float()
    state = {name: list(entry.shape) for name, entry in model.state_dict().items()}
    cases.append({"name": name, "image": list(IMAGE), "state": state, "logits": logits})
    print(name, logits.std(), logits.abs().max())
write(__file__, cases)
