"""The CIFAR networks in PyTorch, with the reference parameter names (docs/state_dict_names.md).

Oracle of the models tests (make_state_dicts.py) and opponent in bench/peers. Plain modules, nothing tuned.
Every classifier has `forward(x)` -> logits and `forward_features(x)` -> (logits, taps from the finest map to the coarsest); the
latter leaves the same maps before their last activation in `before`, and the vector before the classifier in `pooled`.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    """conv3x3-BN-ReLU-conv3x3-BN plus the shortcut, ReLU."""

    def __init__(self, channels_in, channels, stride, projection=True, shortcut="shortcut"):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.extra = channels - channels_in
        self.name = shortcut
        projected = projection and (stride != 1 or self.extra)
        layers = [nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)] if projected else []
        setattr(self, shortcut, nn.Sequential(*layers))

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        s = getattr(self, self.name)(x)
        if s.shape != h.shape:  # option A: subsample and pad with zero channels on both sides
            s = F.pad(s[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2))
        self.before = h + s
        return F.relu(self.before)


class ResNet(nn.Module):
    """Stem, stages of basic blocks (from the second on, each halves the image), global average, linear head."""

    def __init__(self, stem, widths, blocks, num_classes=10, projection=True, imagenet=False):
        super().__init__()
        self.imagenet = imagenet
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False) if imagenet else nn.Conv2d(3, stem, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.num_stages = len(widths)
        channels = stem
        for s, (width, count) in enumerate(zip(widths, blocks)):
            stage = []
            for b in range(count):
                stage.append(BasicBlock(channels, width, 2 if s > 0 and b == 0 else 1, projection,
                                        "downsample" if imagenet else "shortcut"))
                channels = width
            setattr(self, f"layer{s + 1}", nn.Sequential(*stage))
        setattr(self, "fc" if imagenet else "linear", nn.Linear(channels, num_classes))

    def forward_features(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        if self.imagenet:
            h = F.max_pool2d(h, 3, 2, 1)
        taps, self.before = [], []
        for s in range(self.num_stages):
            stage = getattr(self, f"layer{s + 1}")
            h = stage(h)
            taps.append(h)
            self.before.append(stage[-1].before)
        self.pooled = h.mean((2, 3))
        return (self.fc if self.imagenet else self.linear)(self.pooled), taps

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
        taps, self.before = [], []
        for i, layer in enumerate(self.features):
            if i in self.tap_after[:4]:
                self.before.append(x)
            x = layer(x)
            if i in self.tap_after[:4]:
                taps.append(x)
        self.pooled = x.flatten(1)
        return self.classifier(self.pooled), taps

    def forward(self, x):
        return self.forward_features(x)[0]


class AverageVgg(nn.Module):
    """The RepDistiller form for 32x32: poolings after the first three blocks, global average, one linear layer."""

    def __init__(self, convolutions, width=64, num_classes=10, batch_norm=True):
        super().__init__()
        channels = 3
        for b, (count, factor) in enumerate(zip(convolutions, (1, 2, 4, 8, 8))):
            layers = []
            for _ in range(count):
                layers += [nn.Conv2d(channels, factor * width, 3, 1, 1)]
                layers += [nn.BatchNorm2d(factor * width)] if batch_norm else []
                layers += [nn.ReLU()]
                channels = factor * width
            setattr(self, f"block{b}", nn.Sequential(*layers[:-1]))
        self.classifier = nn.Linear(channels, num_classes)

    def forward_features(self, x):
        taps, self.before = [], []
        for b in range(5):
            h = getattr(self, f"block{b}")(F.max_pool2d(x, 2) if 1 <= b <= 3 else x)
            x = F.relu(h)
            if b > 0:
                self.before.append(h)
                taps.append(x)
        self.pooled = x.mean((2, 3))
        return self.classifier(self.pooled), taps

    def forward(self, x):
        return self.forward_features(x)[0]


def shuffle(x, groups):
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def add_unit(module, number, channels_in, channels, kernel=1, stride=1, groups=1):
    """Convolution and normalisation under the names conv<number>, bn<number>."""
    setattr(module, f"conv{number}", nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, groups=groups, bias=False))
    setattr(module, f"bn{number}", nn.BatchNorm2d(channels))


class Units(nn.Module):
    """What MobileNet's and the ShuffleNets' blocks have in common."""

    def unit(self, number, x):
        return getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(x))


class SeparableBlock(Units):
    """Depthwise conv3x3-BN-ReLU, conv1x1-BN-ReLU."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        add_unit(self, 1, channels_in, channels_in, 3, stride, channels_in)
        add_unit(self, 2, channels_in, channels)

    def forward(self, x):
        self.before = self.unit(2, F.relu(self.unit(1, x)))
        return F.relu(self.before)


class MobileNet(nn.Module):
    """The CIFAR form of the IE-KD code."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        layers, channels = [], 32
        for width, stride in [(64, 1), (128, 1), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 1)] * 2:
            layers.append(SeparableBlock(channels, width, stride))
            channels = width
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(channels, num_classes)

    def forward_features(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        taps, self.before = [], []
        for i, block in enumerate(self.layers):
            h = block(h)
            if i in (2, 4, 12):
                taps.append(h)
                self.before.append(block.before)
        self.pooled = h.mean((2, 3))
        return self.linear(self.pooled), taps

    def forward(self, x):
        return self.forward_features(x)[0]


class InvertedResidual(nn.Module):
    """conv1x1-BN-act, depthwise conv3x3-BN-act, conv1x1-BN, plus x where the extents stay."""

    def __init__(self, channels_in, channels, stride, expansion, torchvision):
        super().__init__()
        inner = channels_in * expansion
        convs = [nn.Conv2d(channels_in, inner, 1, bias=False)] if expansion > 1 or not torchvision else []
        convs += [nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False)]
        layers = []
        for conv in convs:
            unit = [conv, nn.BatchNorm2d(inner), nn.ReLU6() if torchvision else nn.ReLU()]
            layers += [nn.Sequential(*unit)] if torchvision else unit
        self.conv = nn.Sequential(*layers, nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.adds = stride == 1 and channels_in == channels

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    """RepDistiller's form of half the width, or torchvision's of full width."""

    def __init__(self, torchvision, num_classes=10):
        super().__init__()
        self.torchvision = torchvision
        groups = [(16, 1, 1), (24, 2, 2 if torchvision else 1), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)]
        width = (lambda c: c) if torchvision else (lambda c: c // 2)
        channels = width(32)
        first = nn.Sequential(nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), self.act())
        blocks = []
        for g, (c, count, stride) in enumerate(groups):
            blocks.append([])
            for b in range(count):
                blocks[-1].append(InvertedResidual(channels, width(c), stride if b == 0 else 1, 6 if g else 1, torchvision))
                channels = width(c)
        last = nn.Sequential(nn.Conv2d(channels, 1280, 1, bias=False), nn.BatchNorm2d(1280), self.act())
        if torchvision:
            self.features = nn.Sequential(first, *[block for group in blocks for block in group], last)
            self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))
        else:
            self.conv1 = first
            self.blocks = nn.ModuleList([nn.Sequential(*group) for group in blocks])
            self.conv2 = last
            self.classifier = nn.Sequential(nn.Linear(1280, num_classes))

    def act(self):
        return nn.ReLU6() if self.torchvision else nn.ReLU()

    def forward_features(self, x):
        if self.torchvision:
            first, last, sizes = self.features[0], self.features[-1], (1, 2, 3, 4, 3, 3, 1)
            blocks = [self.features[1 + sum(sizes[:g]):1 + sum(sizes[:g + 1])] for g in range(7)]
        else:
            first, last, blocks = self.conv1, self.conv2, self.blocks
        h = first(x)
        taps = []
        for g, group in enumerate(blocks):
            h = group(h)
            if g in (1, 2, 4, 6):
                taps.append(h)
        self.before = list(taps)
        self.pooled = last(h).mean((2, 3))
        return self.classifier(self.pooled), taps

    def forward(self, x):
        return self.forward_features(x)[0]


class ShuffleBottleneck(Units):
    """ShuffleNet's unit with 3 groups; the stem's 24 channels enter in one group."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.stride, self.groups = stride, 1 if channels_in == 24 else 3
        inner = channels // 4
        add_unit(self, 1, channels_in, inner, groups=self.groups)
        add_unit(self, 2, inner, inner, 3, stride, inner)
        add_unit(self, 3, inner, channels, groups=3)

    def forward(self, x):
        h = shuffle(F.relu(self.unit(1, x)), self.groups)
        h = self.unit(3, F.relu(self.unit(2, h)))
        self.before = torch.cat([h, F.avg_pool2d(x, 3, 2, 1)], 1) if self.stride == 2 else h + x
        return F.relu(self.before)


class ShuffleHalving(Units):
    """ShuffleNetV2's unit that halves the image."""

    def __init__(self, channels_in, channels):
        super().__init__()
        half = channels // 2
        add_unit(self, 1, channels_in, channels_in, 3, 2, channels_in)
        add_unit(self, 2, channels_in, half)
        add_unit(self, 3, channels_in, half)
        add_unit(self, 4, half, half, 3, 2, half)
        add_unit(self, 5, half, half)

    def forward(self, x):
        left = F.relu(self.unit(2, self.unit(1, x)))
        right = F.relu(self.unit(5, self.unit(4, F.relu(self.unit(3, x)))))
        return shuffle(torch.cat([left, right], 1), 2)


class ShuffleKeeping(Units):
    """ShuffleNetV2's other unit."""

    def __init__(self, channels):
        super().__init__()
        self.half = half = channels // 2
        add_unit(self, 1, half, half)
        add_unit(self, 2, half, half, 3, 1, half)
        add_unit(self, 3, half, half)

    def forward(self, x):
        kept, h = x[:, :self.half], x[:, self.half:]
        h = self.unit(3, self.unit(2, F.relu(self.unit(1, h))))
        self.before = torch.cat([kept, h], 1)
        return shuffle(torch.cat([kept, F.relu(h)], 1), 2)


class ShuffleNet(nn.Module):
    """Both versions, as RepDistiller has them."""

    def __init__(self, second, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 24, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        channels = 24
        for s, (width, count) in enumerate(zip((116, 232, 464) if second else (240, 480, 960), (4, 8, 4))):
            blocks = []
            for b in range(count):
                if second:
                    blocks.append(ShuffleKeeping(width) if b else ShuffleHalving(channels, width))
                else:
                    blocks.append(ShuffleBottleneck(channels, width if b else width - channels, 1 if b else 2))
                channels = width
            setattr(self, f"layer{s + 1}", nn.Sequential(*blocks))
        if second:
            self.conv2 = nn.Conv2d(channels, 1024, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(1024)
            channels = 1024
        self.second = second
        self.linear = nn.Linear(channels, num_classes)

    def forward_features(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        taps, self.before = [], []
        for stage in (self.layer1, self.layer2, self.layer3):
            h = stage(h)
            taps.append(h)
            self.before.append(stage[-1].before)
        if self.second:
            h = F.relu(self.bn2(self.conv2(h)))
        self.pooled = h.mean((2, 3))
        return self.linear(self.pooled), taps

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


def normalised(x, bn):
    """bn(x) by the running statistics, without the hooks of the module."""
    return F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias)


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
        before = self.bn1(self.block3(f2))
        self.before = [normalised(f1, self.block2.layer[0].bn1), normalised(f2, self.block3.layer[0].bn1), before]
        f3 = F.relu(before)
        self.pooled = f3.mean((2, 3))
        return self.fc(self.pooled), [f1, f2, f3]

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


VGG_BLOCKS = {"vgg8": (1, 1, 1, 1, 1), "vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3),
              "vgg19": (2, 2, 4, 4, 4)}


def make_network(arch, num_classes=10):
    """The networks by the names that engram gives them (resnet34, resnet18-w32, resnet20-a, vgg13-average, wrn-16-2)."""
    name, _, option = arch.partition("-")
    if name in ("resnet18", "resnet34"):
        width = int(option[1:]) if option.startswith("w") else 64
        blocks = (2, 2, 2, 2) if name == "resnet18" else (3, 4, 6, 3)
        return ResNet(width, [width * f for f in (1, 2, 4, 8)], blocks, num_classes, imagenet=option == "imagenet")
    if name.startswith("resnet"):
        depth, _, factor = name[6:].partition("x")
        factor = int(factor or 1)
        count = (int(depth) - 2) // 6
        return ResNet(16 if factor == 1 else 32, [16 * factor, 32 * factor, 64 * factor], (count,) * 3, num_classes, option != "a")
    if name in VGG_BLOCKS and option.startswith("average"):
        return AverageVgg(VGG_BLOCKS[name], 64, num_classes)
    if name in VGG_BLOCKS:
        return Vgg(VGG_BLOCKS[name], int(option[1:]) if option else 64, num_classes)
    if name == "mobilenet":
        return MobileNet(num_classes)
    if name == "mobilenetv2":
        return MobileNetV2(option == "relu6", num_classes)
    if name.startswith("shufflenet"):
        return ShuffleNet(name == "shufflenetv2", num_classes)
    if name == "wrn":
        depth, widen = (int(part) for part in option.split("-"))
        return WideResNet(depth, widen, num_classes)
    raise ValueError(f"unknown network {arch}")
