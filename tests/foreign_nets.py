"""torchvision's and timm's ResNets, written a second time: their modules' names, their arithmetic.

Nothing here comes from resnet_core, so that both can be compared. Only what weights and outputs
depend on: torchvision/models/resnet.py; timm/models/resnet.py and resnetv2.py.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def conv(before, after, kernel, stride=1, groups=1):
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)


def group_norm(channels):
    return nn.GroupNorm(32, channels)


class SE(nn.Module):
    """timm's SEModule, rd_ratio 1/16, rd_divisor 8, without its limit on rounding down."""

    def __init__(self, channels):
        super().__init__()
        reduced = max(8, int(channels / 16 + 4) // 8 * 8)
        self.fc1 = nn.Conv2d(channels, reduced, 1)
        self.fc2 = nn.Conv2d(reduced, channels, 1)

    def forward(self, x):
        weight = self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu())
        return x * weight.sigmoid()


class ECA(nn.Module):
    """timm's EcaModule."""

    def __init__(self, channels):
        super().__init__()
        size = int(abs(math.log(channels, 2) + 1) / 2)
        size = max(size if size % 2 else size + 1, 3)
        self.conv = nn.Conv1d(1, 1, size, padding=(size - 1) // 2, bias=False)

    def forward(self, x):
        weight = self.conv(x.mean((2, 3)).view(x.shape[0], 1, -1))
        return x * weight.view(x.shape[0], -1, 1, 1).sigmoid()


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride, downsample, net):
        super().__init__()
        pooled = net.aa and stride == 2
        self.conv1 = conv(inplanes, planes, 3, 1 if pooled else stride)
        self.bn1 = net.norm(planes)
        self.aa = nn.AvgPool2d(2) if pooled else nn.Identity()
        self.conv2 = conv(planes, planes, 3)
        self.bn2 = net.norm(planes)
        self.se = net.attention(planes) if net.attention else None
        self.downsample = downsample

    def forward(self, x):
        out = self.aa(self.bn1(self.conv1(x)).relu())
        out = self.bn2(self.conv2(out))
        out = self.se(out) if self.se else out
        return (out + (self.downsample(x) if self.downsample else x)).relu()


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride, downsample, net):
        super().__init__()
        width = int(planes * (net.base_width / 64.0)) * net.groups
        pooled = net.aa and stride == 2
        self.conv1 = conv(inplanes, width, 1)
        self.bn1 = net.norm(width)
        self.conv2 = conv(width, width, 3, 1 if pooled else stride, net.groups)
        self.bn2 = net.norm(width)
        self.aa = nn.AvgPool2d(2) if pooled else nn.Identity()
        self.conv3 = conv(width, planes * 4, 1)
        self.bn3 = net.norm(planes * 4)
        self.se = net.attention(planes * 4) if net.attention else None
        self.downsample = downsample

    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        out = self.aa(self.bn2(self.conv2(out)).relu())
        out = self.bn3(self.conv3(out))
        out = self.se(out) if self.se else out
        return (out + (self.downsample(x) if self.downsample else x)).relu()


class ResNet(nn.Module):
    """torchvision's, with timm's options. `width` is the first stage's, 64 wherever published."""

    def __init__(
        self, block, layers, width=64, groups=1, base_width=64, stem="7x7", avg_down=False,
        attention=None, aa=False, norm=nn.BatchNorm2d, classes=1000,
    ):  # fmt: skip
        super().__init__()
        self.groups, self.base_width, self.attention = groups, base_width, attention
        self.aa, self.norm, self.avg_down = aa, norm, avg_down
        if stem == "7x7":
            self.conv1 = conv(3, width, 7, 2)
        else:
            half = width // 2
            first = 3 * (half // 4) if stem == "tiered" else half
            self.conv1 = nn.Sequential(
                conv(3, first, 3, 2), norm(first), nn.ReLU(),
                conv(first, half, 3), norm(half), nn.ReLU(),
                conv(half, width, 3),
            )  # fmt: skip
        self.bn1 = norm(width)
        self.maxpool = nn.AvgPool2d(2) if aa else nn.MaxPool2d(3, 2, 1)
        inplanes = width
        for number, count in enumerate(layers, start=1):
            planes, blocks = width * 2 ** (number - 1), []
            for index in range(count):
                stride = 2 if number > 1 and index == 0 else 1
                down = self.downsample(inplanes, planes * block.expansion, stride)
                blocks.append(block(inplanes, planes, stride, down, self))
                inplanes = planes * block.expansion
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.num_stages = len(layers)
        self.fc = nn.Linear(inplanes, classes)

    def downsample(self, before, after, stride):
        if stride == 1 and before == after:
            return None
        if not self.avg_down:
            return nn.Sequential(conv(before, after, 1, stride), self.norm(after))
        pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)
        pool = pool if stride == 2 else nn.Identity()
        return nn.Sequential(pool, conv(before, after, 1), self.norm(after))

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        for number in range(1, self.num_stages + 1):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.mean((2, 3)))


class NormAct(nn.BatchNorm2d):
    """timm's BatchNormAct2d."""

    def forward(self, x):
        return F.relu(super().forward(x))


class Downsample(nn.Module):
    """timm's DownsampleConv and DownsampleAvg with preact=True."""

    def __init__(self, before, after, stride, avg):
        super().__init__()
        self.pool = nn.AvgPool2d(2, 2, ceil_mode=True) if avg and stride == 2 else nn.Identity()
        self.conv = conv(before, after, 1, 1 if avg else stride)

    def forward(self, x):
        return self.conv(self.pool(x))


class PreActBottleneck(nn.Module):
    def __init__(self, before, after, stride, avg_down):
        super().__init__()
        middle = after // 4
        changes = stride > 1 or before != after
        self.downsample = Downsample(before, after, stride, avg_down) if changes else None
        self.norm1, self.conv1 = NormAct(before), conv(before, middle, 1)
        self.norm2, self.conv2 = NormAct(middle), conv(middle, middle, 3, stride)
        self.norm3, self.conv3 = NormAct(middle), conv(middle, after, 1)

    def forward(self, x):
        ready = self.norm1(x)
        shortcut = self.downsample(ready) if self.downsample else x
        out = self.conv2(self.norm2(self.conv1(ready)))
        return self.conv3(self.norm3(out)) + shortcut


class Stage(nn.Module):
    def __init__(self, before, after, stride, count, avg_down):
        super().__init__()
        shapes = [(before, stride), *[(after, 1)] * (count - 1)]
        self.blocks = nn.Sequential(*(PreActBottleneck(c, after, s, avg_down) for c, s in shapes))

    def forward(self, x):
        return self.blocks(x)


class ResNetV2(nn.Module):
    """timm's resnetv2_50 and resnetv2_50d."""

    def __init__(self, layers, width=64, deep=False, classes=1000):
        super().__init__()
        self.stem = nn.Sequential()
        if deep:
            half = width // 2
            for number, (before, after, stride) in enumerate(
                ((3, half, 2), (half, half, 1), (half, width, 1)), start=1
            ):
                self.stem.add_module(f"conv{number}", conv(before, after, 3, stride))
                if number < 3:
                    self.stem.add_module(f"norm{number}", NormAct(after))
        else:
            self.stem.add_module("conv", conv(3, width, 7, 2))
        self.stem.add_module("pool", nn.MaxPool2d(3, 2, 1))
        stages, before = [], width
        for index, count in enumerate(layers):
            after = 4 * width * 2**index
            stages.append(Stage(before, after, 2 if index else 1, count, deep))
            before = after
        self.stages = nn.Sequential(*stages)
        self.norm = NormAct(before)
        self.head = nn.Sequential()
        self.head.add_module("global_pool", nn.AdaptiveAvgPool2d(1))
        self.head.add_module("fc", nn.Conv2d(before, classes, 1))

    def forward(self, x):
        return self.head(self.norm(self.stages(self.stem(x)))).flatten(1)


class CifarBlock(nn.Module):
    """akamaster/pytorch_resnet_cifar10's BasicBlock with option A."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(before, after, 3, stride), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = conv(after, after, 3), nn.BatchNorm2d(after)
        self.stride, self.missing = stride, after - before

    def forward(self, x):
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        skip = x[:, :, :: self.stride, :: self.stride]
        return (out + F.pad(skip, (0, 0, 0, 0, 0, self.missing))).relu()


class CifarResNet(nn.Module):
    """akamaster/pytorch_resnet_cifar10's ResNet: its names are torchvision's, but for `linear`."""

    def __init__(self, count):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16, 3), nn.BatchNorm2d(16)
        for number, (before, after) in enumerate(((16, 16), (16, 32), (32, 64)), start=1):
            shapes = [(before, 1 if number == 1 else 2), *[(after, 1)] * (count - 1)]
            blocks = (CifarBlock(c, after, s) for c, s in shapes)
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)).relu())))
        return self.linear(x.mean((2, 3)))


#: name at home -> make(width); every other argument is the published one
FOREIGN = {
    "resnet18": lambda **k: ResNet(BasicBlock, (2, 2, 2, 2), **k),
    "resnet50": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), **k),
    "resnext50_32x4d": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), groups=32, base_width=4, **k),
    "wide_resnet50_2": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), base_width=128, **k),
    "resnet10t": lambda **k: ResNet(BasicBlock, (1, 1, 1, 1), stem="tiered", avg_down=True, **k),
    "resnet50c": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), stem="deep", **k),
    "resnet50d": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), stem="deep", avg_down=True, **k),
    "seresnet50": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), attention=SE, **k),
    "ecaresnet50d": lambda **k: ResNet(
        Bottleneck, (3, 4, 6, 3), stem="deep", avg_down=True, attention=ECA, **k
    ),
    "resnetaa50": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), aa=True, **k),
    "resnet50_gn": lambda **k: ResNet(Bottleneck, (3, 4, 6, 3), norm=group_norm, **k),
    "resnetv2_50": lambda **k: ResNetV2((3, 4, 6, 3), **k),
    "resnetv2_50d": lambda **k: ResNetV2((3, 4, 6, 3), deep=True, **k),
    "akamaster_resnet20": lambda **k: CifarResNet(3),
}


@torch.no_grad()
def with_random_weights(module):
    """In place and back: no parameter or statistic that could be swapped unnoticed. Eval mode."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            centre = 1.0 if name.endswith("weight") else 0.0
            tensor.normal_(centre, 0.2, generator=generator)
        elif tensor.ndim > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
    return module.eval()
