"""Residual blocks: relu(F(x) + shortcut(x)).

To add one: write a module with the same arguments and an `expansion`, and a row in BLOCKS.
"""

from torch import nn

from .layers import conv


class BasicBlock(nn.Module):
    """relu(F(x) + shortcut(x)), F = 3x3 conv (strided), 3x3 conv. He et al. 2015, fig. 5 left."""

    expansion = 1

    def __init__(self, in_channels, width, stride, shortcut, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv1 = conv(in_channels, width, 3, stride)
        self.norm1 = norm(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(width, width, 3)
        self.norm2 = norm(width)
        self.shortcut = shortcut
        self.relu2 = nn.ReLU()

    def forward(self, x):  # [B, in, H, W] -> [B, width, H/stride, W/stride]
        out = self.relu1(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        if self.shortcut is not None:  # plain nets have none
            out = out + self.shortcut(x)
        return self.relu2(out)


class Bottleneck(nn.Module):
    """relu(F(x) + shortcut(x)), F = 1x1 reduce, 3x3 (strided), 1x1 expand to 4 x width.

    He et al. 2015, fig. 5 right, with the stride on the 3x3 as in fb.resnet.torch.
    """

    expansion = 4

    def __init__(self, in_channels, width, stride, shortcut, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv1 = conv(in_channels, width, 1)
        self.norm1 = norm(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(width, width, 3, stride)
        self.norm2 = norm(width)
        self.relu2 = nn.ReLU()
        self.conv3 = conv(width, width * self.expansion, 1)
        self.norm3 = norm(width * self.expansion)
        self.shortcut = shortcut
        self.relu3 = nn.ReLU()

    def forward(self, x):  # [B, in, H, W] -> [B, 4 width, H/stride, W/stride]
        out = self.relu1(self.norm1(self.conv1(x)))
        out = self.relu2(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(out))
        if self.shortcut is not None:  # plain nets have none
            out = out + self.shortcut(x)
        return self.relu3(out)


#: name -> class(in_channels, width, stride, shortcut, norm) with its `expansion`
BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}
