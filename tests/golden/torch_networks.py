"""The CIFAR networks in PyTorch, with the reference parameter names (docs/state_dict_names.md).

Oracle of the models tests (make_state_dicts.py) and opponent in bench/peers. Plain modules, nothing tuned.
Every classifier has `forward(x)` -> logits and `forward_features(x)` -> (logits, taps from the finest map to the coarsest).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    """conv3x3-BN-ReLU-conv3x3-BN plus the shortcut, ReLU."""

    def __init__(self, channels_in, channels, stride, projection=True):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.extra = channels - channels_in
        self.shortcut = nn.Sequential()
        if projection and (stride != 1 or self.extra):
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        s = self.shortcut(x)
        if s.shape != h.shape:  # option A: subsample and pad with zero channels on both sides
            s = F.pad(s[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2))
        return F.relu(h + s)


class ResNet(nn.Module):
    """Stem, stages of basic blocks (from the second on, each halves the image), global average, linear head."""

    def __init__(self, stem, widths, blocks, num_classes=10, projection=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.num_stages = len(widths)
        channels = stem
        for s, (width, count) in enumerate(zip(widths, blocks)):
            stage = []
            for b in range(count):
                stage.append(BasicBlock(channels, width, 2 if s > 0 and b == 0 else 1, projection))
                channels = width
            setattr(self, f"layer{s + 1}", nn.Sequential(*stage))
        self.linear = nn.Linear(channels, num_classes)

    def forward_features(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        taps = []
        for s in range(self.num_stages):
            h = getattr(self, f"layer{s + 1}")(h)
            taps.append(h)
        return self.linear(h.mean((2, 3))), taps

    def forward(self, x):
        return self.forward_features(x)[0]


class Vgg(nn.Module):
    """Five blocks of conv3x3 (with bias)-BN-ReLU, each ended by a 2x2 max pooling, then three linear layers with dropout."""

    def __init__(self, convolutions, width=64, num_classes=10):
        super().__init__()
        layers, channels = [], 3
        self.tap_after = []
        for count, factor in zip(convolutions, (1, 2, 4, 8, 8)):
            for _ in range(count):
                layers += [nn.Conv2d(channels, factor * width, 3, 1, 1), nn.BatchNorm2d(factor * width), nn.ReLU()]
                channels = factor * width
            self.tap_after.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(channels, channels), nn.ReLU(),
            nn.Dropout(), nn.Linear(channels, channels), nn.ReLU(),
            nn.Linear(channels, num_classes))

    def forward_features(self, x):
        taps = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in self.tap_after[:4]:
                taps.append(x)
        return self.classifier(x.flatten(1)), taps

    def forward(self, x):
        return self.forward_features(x)[0]


class WideBlock(nn.Module):
    """Pre-activation: BN-ReLU-conv3x3-BN-ReLU-conv3x3, plus x, or plus a 1x1 convolution of the activated x."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(channels_in, channels, 1, stride, bias=False) if channels_in != channels else None

    def forward(self, x):
        activated = F.relu(self.bn1(x))
        h = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return h + (self.convShortcut(activated) if self.convShortcut is not None else x)


class WideGroup(nn.Module):
    """Blocks in a row, under the name `layer`."""

    def __init__(self, channels_in, channels, stride, count):
        super().__init__()
        self.layer = nn.Sequential(*[WideBlock(channels if b else channels_in, channels, 1 if b else stride) for b in range(count)])

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    """WRN-depth-widen."""

    def __init__(self, depth, widen, num_classes=10):
        super().__init__()
        count = (depth - 4) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.block1 = WideGroup(16, 16 * widen, 1, count)
        self.block2 = WideGroup(16 * widen, 32 * widen, 2, count)
        self.block3 = WideGroup(32 * widen, 64 * widen, 2, count)
        self.bn1 = nn.BatchNorm2d(64 * widen)
        self.fc = nn.Linear(64 * widen, num_classes)

    def forward_features(self, x):
        f1 = self.block1(self.conv1(x))
        f2 = self.block2(f1)
        f3 = F.relu(self.bn1(self.block3(f2)))
        return self.fc(f3.mean((2, 3))), [f1, f2, f3]

    def forward(self, x):
        return self.forward_features(x)[0]


class Generator(nn.Module):
    """NaturalInversion's one-to-one generator: z [N,latent] -> images [N,3,32,32]."""

    def __init__(self, latent=1034):
        super().__init__()
        self.l3 = nn.Linear(latent, 128 * 8 * 8)
        self.conv_block = nn.Sequential(
            nn.BatchNorm2d(128), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, 1, 1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 3, 3, 1, 1))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)
            elif isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / (9 * module.in_channels)))
                nn.init.zeros_(module.bias)

    def forward(self, z):
        return self.conv_block(self.l3(z).view(-1, 128, 8, 8))


class FeaturePyramid(nn.Module):
    """NaturalInversion's feature transfer pyramid over four maps (channels from the finest map to the coarsest)."""

    def __init__(self, channels=(64, 128, 256, 512)):
        super().__init__()
        c1, c2, c3, c4 = channels
        self.conv1 = nn.Conv2d(c4, c3, 1)
        self.conv2 = nn.Conv2d(c3, c2, 1)
        self.conv3 = nn.Conv2d(c2, c1, 1)
        self.conv4 = nn.Conv2d(c1, 3, 1)
        self.conv6 = nn.Conv2d(3, 3, 1)
        self.conv_31 = nn.Conv2d(c3, c3, 3, 1, 1)
        self.conv_32 = nn.Conv2d(c2, c2, 3, 1, 1)
        self.conv_33 = nn.Conv2d(c1, c1, 3, 1, 1)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x, taps):
        f2, f3, f4, f5 = taps
        h = self.conv_31(self.conv1(self.up(f5)) + f4)
        h = self.conv_32(self.conv2(self.up(h)) + f3)
        h = self.conv_33(self.conv3(self.up(h)) + f2)
        return torch.tanh(self.conv6(x + self.conv4(h)))


def make_network(arch, num_classes=10):
    """The networks by the names that engram gives them (resnet34, resnet18-w32, resnet20, resnet20-a, resnet8x4, vgg11, wrn-16-2)."""
    name, _, option = arch.partition("-")
    if name in ("resnet18", "resnet34"):
        width = int(option[1:]) if option else 64
        return ResNet(width, [width * f for f in (1, 2, 4, 8)], (2, 2, 2, 2) if name == "resnet18" else (3, 4, 6, 3), num_classes)
    if name.startswith("resnet"):
        depth, _, factor = name[6:].partition("x")
        factor = int(factor or 1)
        count = (int(depth) - 2) // 6
        return ResNet(16 if factor == 1 else 32, [16 * factor, 32 * factor, 64 * factor], (count,) * 3, num_classes, option != "a")
    if name in ("vgg11", "vgg16"):
        width = int(option[1:]) if option else 64
        return Vgg((1, 1, 2, 2, 2) if name == "vgg11" else (2, 2, 3, 3, 3), width, num_classes)
    if name == "wrn":
        depth, widen = (int(part) for part in option.split("-"))
        return WideResNet(depth, widen, num_classes)
    raise ValueError(f"unknown network {arch}")
