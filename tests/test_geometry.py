"""Training memory is what autograd really keeps, not a formula that drifts from the layers."""

from dataclasses import replace

import pytest
import torch

from resnet_core.geometry import training_memory
from resnet_core.graph import trace
from resnet_core.net import build
from resnet_core.presets import cifar, digits, preset
from resnet_core.sgd import SGD

NETS = {
    "ResNet-20": preset("resnet20"),
    "ResNet-18 at 64x64, with max-pool": replace(preset("resnet18"), input_shape=(3, 64, 64)),
    "bottlenecks": replace(preset("resnet50"), input_shape=(3, 64, 64)),
    "no norm": replace(cifar(20), norm="none"),
    "plain": cifar(20, "none"),
    "all projected, no norm": replace(cifar(20, "C"), norm="none"),
}


def kept_by_autograd(net, batch_size):
    """Bytes of the different storages that a forward pass saves, parameters and buffers aside."""
    module = build(net)
    own = {t.untyped_storage().data_ptr() for t in module.state_dict().values()}
    saved = {}  # tensors are held, so that no address is used twice

    def pack(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    images = torch.randn(batch_size, *net.input_shape)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = module(images)
    assert out.requires_grad
    return sum(t.untyped_storage().nbytes() for at, t in saved.items() if at not in own)


@pytest.mark.parametrize("batch_size", [2, 5])
@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_activations_are_what_autograd_keeps(net, batch_size):
    estimate = training_memory(trace(net), batch_size).activations
    assert estimate == pytest.approx(kept_by_autograd(net, batch_size), rel=1e-2)


def test_the_rest_is_what_the_optimizer_holds():
    net = digits(20)
    params = list(build(net).parameters())
    memory = training_memory(trace(net), 64)
    weights = sum(p.nbytes for p in params)
    assert memory.weights == memory.gradients == weights
    assert memory.optimizer == sum(v.nbytes for v in SGD(params, 0.9, 0).velocities)
    assert memory.total == 3 * weights + memory.activations


@pytest.mark.gpu
def test_a_gpu_holds_that():
    net, batch_size = preset("resnet20"), 128
    module = build(net).cuda()
    images = torch.randn(batch_size, *net.input_shape, device="cuda")
    module(images)  # the libraries take their scratch space once
    before = torch.cuda.memory_allocated()
    out = module(images)
    kept = torch.cuda.memory_allocated() - before
    assert out.requires_grad
    estimate = training_memory(trace(net), batch_size).activations - images.nbytes
    assert estimate == pytest.approx(kept, rel=0.05)
