"""Our optimizers are torch's own, step by step, and say beforehand what they will do."""

import pytest
import torch

from resnet_core.optimizers import OPTIMIZERS, SGD

TORCHS = {
    "sgd": lambda params, momentum, decay: torch.optim.SGD(
        params, momentum=momentum, weight_decay=decay
    ),
    "adamw": lambda params, momentum, decay: torch.optim.AdamW(
        params, betas=(momentum, 0.999), weight_decay=decay
    ),
}


def parameters():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, 3, generator=generator).requires_grad_() for n in (4, 7)]


@pytest.mark.parametrize("weight_decay", [0.0, 1e-2])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("key", OPTIMIZERS)
def test_an_optimizer_is_that_of_torch(key, momentum, weight_decay):
    ours, theirs = parameters(), parameters()
    mine = OPTIMIZERS[key].make(ours, momentum, weight_decay)
    reference = TORCHS[key](theirs, momentum, weight_decay)
    for step in range(6):
        grads = [torch.sin(p.detach() * (step + 1)) for p in ours]
        lr = reference.param_groups[0]["lr"] = 0.1 / (step + 1)
        mine.gather(grads)
        before = [p.detach().clone() for p in ours]
        directions = [d.clone() for d in mine.directions]
        mine.update(lr)
        for p, grad in zip(theirs, grads):
            p.grad = grad.clone()
        reference.step()
        for a, b, was, direction in zip(ours, theirs, before, directions):
            if isinstance(mine, SGD):
                assert torch.equal(a, b)
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
            torch.testing.assert_close(was - lr * direction, a, rtol=1e-5, atol=1e-7)
