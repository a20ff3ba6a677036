"""Operations on tensors and their gradients by PyTorch, float32."""
import torch
import torch.nn.functional as F

from common import write

torch.manual_seed(77)
cases = []


def case(name, inputs, f, **parameters):
    inputs = [torch.randn(each) if isinstance(each, tuple) else each for each in inputs]
    trained = [each.is_floating_point() for each in inputs]
    for each, yes in zip(inputs, trained):
        if yes:
            each.requires_grad_()
    y = f(*inputs)
    dy = torch.randn_like(y)
    y.backward(dy)
    gradients = [torch.zeros(0) if each.grad is None else each.grad for each in inputs]
    cases.append({"name": name, "inputs": [each.float() for each in inputs], "y": y, "dy": dy, "gradients": gradients,
                  **parameters})


PAIRS = [((3, 5), (3, 5)), ((2, 3, 4), (4,)), ((2, 1, 4), (3, 1)), ((), (2, 3))]
for name in ("add", "sub", "mul", "div", "maximum", "minimum"):
    for a, b in PAIRS:
        case(name, [a, torch.rand(b) + 0.5 if name == "div" else b], getattr(torch, name))
ties = torch.tensor([1.0, 2, 2, float("nan"), 5, float("inf")])
others = torch.tensor([2.0, 2, 1, 0, float("nan"), float("inf")])
for name in ("maximum", "minimum"):
    case(name, [ties.clone(), others.clone()], getattr(torch, name))
case("where", [(torch.randn(4, 1) > 0).float(), (3,), (4, 3)], lambda c, a, b: torch.where(c != 0, a, b))

edges = torch.tensor([0.0, -1, 0.5, 2, 1e-6, 30, -30, float("inf"), float("nan")])
for name in ("neg", "abs", "square", "sqrt", "rsqrt", "exp", "log", "sigmoid", "tanh", "relu"):
    case(name, [edges.clone()], getattr(torch, name))
    case(name, [torch.rand(37) * 3 + 0.1], getattr(torch, name))
case("clamp", [edges.clone()], lambda x: torch.clamp(x, -1, 2), min=-1, max=2)
case("clamp", [(4, 5)], lambda x: torch.clamp(x, max=0.5), max=0.5)

for dim in (0, -1, [0, 2], [0, 1, 2]):
    for keepdim in (False, True):
        options = {"dim": dim, "keepdim": keepdim}
        case("sum", [(3, 4, 5)], lambda x: torch.sum(x, dim, keepdim), **options)
        case("mean", [(3, 4, 5)], lambda x: torch.mean(x, dim, keepdim), **options)
        case("max", [torch.randint(0, 4, (3, 4, 5)).float()], lambda x: torch.amax(x, dim, keepdim), **options)
        case("variance", [(3, 4, 5)], lambda x: torch.var(x, dim, unbiased=True, keepdim=keepdim), **options)
# Far from 0 PyTorch's float32 gradient has the rounding error of the mean.
case("variance", [torch.randn(6, 50) + 1000], lambda x: torch.var(x.double(), 1, unbiased=False).float(), dim=1,
     correction=0)
for dim in (0, 1, -1):
    case("softmax", [(3, 4, 5)], lambda x: torch.softmax(x, dim), dim=dim)
    case("logSoftmax", [(3, 4, 5)], lambda x: torch.log_softmax(x, dim), dim=dim)

case("permute", [(2, 3, 4)], lambda x: x.permute(2, 0, 1), dims=[2, 0, 1])
case("transpose", [(2, 3, 4)], lambda x: x.transpose(-1, 0), dims=[-1, 0])
case("expand", [(3, 1)], lambda x: x.expand(2, 3, 4), shape=[2, -1, 4])
case("concat", [(2, 3), (2, 4)], lambda a, b: torch.cat([a, b], 1), dim=1)
case("stack", [(2, 3), (2, 3)], lambda a, b: torch.stack([a, b], -1), dim=-1)
case("slice", [(5, 7)], lambda x: x[:, 1:-1:2], dim=1, start=1, end=-1, step=2)
case("split", [(5, 7)], lambda x: torch.split(x, 3, 1)[2], dim=1, sizes=3, part=2)
for a, b in (((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (2, 4, 5)), ((3, 4), (4,)),
             ((4,), (4,))):
    case("matmul", [a, b], torch.matmul)
case("embedding", [torch.tensor([[3, 0, 3], [1, 1, 2]]), (5, 7)], F.embedding)
write(__file__, cases)
