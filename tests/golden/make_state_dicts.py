#!/usr/bin/env python3
"""Makes the stored examples in this folder with PyTorch. Run by hand (needs torch and numpy), never by the tests.

state_dicts/<net>.safetensors  small networks as PyTorch saves them: every entry of state_dict(), num_batches_tracked included
expected.safetensors           what PyTorch computes from them: see README.md
formula.safetensors            the same for networks of full size, whose parameters follow from their names by a formula (README.md)

All expected values are computed in float64 from the stored (rounded) parameters and rounded to float32 at the end.
"""

import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from torch_networks import ResNet, Vgg, WideResNet, make_network

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20261123
BATCH = 2
TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64"}
FORMULA_NETS = ("resnet18", "resnet18-w32", "resnet34", "resnet20", "resnet20-a", "resnet56", "resnet8x4", "vgg11", "vgg16",
                "wrn-16-1", "wrn-16-2", "wrn-40-2", "resnet18-imagenet", "vgg13", "vgg8-average", "vgg13-average", "mobilenet",
                "mobilenetv2", "mobilenetv2-relu6", "shufflenetv1", "shufflenetv2")


def save_safetensors(path, tensors):
    """Writes the format's bytes: header length, header, data in order of descending element size, then of name."""
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header, data = {}, b""
    for name in order:
        tensor = tensors[name].detach().contiguous()
        raw = tensor.view(torch.int16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + raw.nbytes]}
        data += raw.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    print(path.name, path.stat().st_size, "bytes")


def uniform(name, count):
    """`count` values in [0, 1) that depend on the name only."""
    base = 0xCBF29CE484222325
    for byte in name.encode():
        base = (base ^ byte) * 0x100000001B3 % 2**64
    base ^= SEED
    with np.errstate(over="ignore"):
        t = np.uint64(base) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        t = (t ^ (t >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        t = (t ^ (t >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        t = t ^ (t >> np.uint64(31))
    return (t >> np.uint64(40)).astype(np.float64) * 2.0**-24


def normal(name, count):
    """`count` sums of twelve uniform values, less 6."""
    return uniform(name, 12 * count).reshape(count, 12).sum(1) - 6


def fill_by_formula(net, prefix="teacher."):
    """Sets every parameter and buffer from its name with the prefix."""
    norms = {name for name, module in net.named_modules() if isinstance(module, nn.BatchNorm2d)}
    for name, tensor in net.state_dict().items():
        owner, _, field = name.rpartition(".")
        if field == "num_batches_tracked":
            continue
        if field in ("running_mean", "running_var") or owner in norms:
            low, high = {"weight": (0.8, 1.2), "bias": (-0.1, 0.1), "running_mean": (-0.2, 0.2), "running_var": (0.5, 1.5)}[field]
        elif field == "bias":
            low, high = -0.05, 0.05
        else:
            high = (3.0 / np.prod(tensor.shape[1:])) ** 0.5
            low = -high
        values = (low + (high - low) * uniform(prefix + name, tensor.numel())).astype(np.float32)
        tensor.copy_(torch.from_numpy(values.reshape(tensor.shape)))


def bn_mismatch(net, x):
    """[L,2]: per batch normalisation, in the order they run, the norms of running less batch variance (biased) and mean."""
    rows, hooks = [], []

    def record(module, inputs):
        h = inputs[0].transpose(0, 1).flatten(1)
        rows.append([(module.running_var - h.var(1, unbiased=False)).norm().item(), (module.running_mean - h.mean(1)).norm().item()])

    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(record))
    net(x)
    for hook in hooks:
        hook.remove()
    return torch.tensor(rows)


def summaries(maps):
    """[T,2]: mean and L2 norm of each map."""
    return torch.tensor([[tap.mean().item(), tap.norm().item()] for tap in maps])


def expected(net, x):
    """Evaluation results of a float64 copy's network."""
    net.eval()
    with torch.no_grad():
        logits, taps = net.forward_features(x)
        before, pooled = net.before, net.pooled
        return {"logits": logits.float(), "taps": summaries(taps), "before": summaries(before), "pooled": summaries([pooled]),
                "bn_mismatch": bn_mismatch(net, x).float()}


def training_step(net, x, labels):
    """Loss, some gradients and the updated running statistics of one pass in training mode."""
    net.train()
    loss = F.cross_entropy(net(x), labels)
    loss.backward()
    out = {"train.loss": loss.detach().float()}
    parameters, buffers = dict(net.named_parameters()), dict(net.named_buffers())
    for name in ("conv1.weight", "bn1.weight", "bn1.bias", "layer2.0.shortcut.0.weight", "layer4.1.conv2.weight", "linear.weight",
                 "linear.bias"):
        out["train.grad." + name] = parameters[name].grad.float()
    for name in ("bn1.running_mean", "bn1.running_var", "layer4.1.bn2.running_var"):
        out["train.after." + name] = buffers[name].float()
    return out


def main():
    torch.manual_seed(SEED)
    small = {
        "resnet18_small": (ResNet(2, (2, 4, 8, 16), (2, 2, 2, 2)), torch.float32),
        "resnet20_small": (ResNet(4, (4, 8, 16), (3, 3, 3)), torch.bfloat16),
        "resnet8_a_small": (ResNet(4, (4, 8, 16), (1, 1, 1), projection=False), torch.float32),
        "vgg11_small": (Vgg((1, 1, 2, 2, 2), 2), torch.float32),
        "wrn-10-1": (WideResNet(10, 1), torch.float16),
    }
    results = {"x": torch.from_numpy(normal("x", BATCH * 3 * 32 * 32).astype(np.float32)).view(BATCH, 3, 32, 32)}
    for name, (net, dtype) in small.items():
        for key, tensor in net.state_dict().items():  # running statistics as after some training, affine terms off their first values
            if key.endswith("running_mean"):
                tensor.normal_(0, 0.3)
            elif key.endswith("running_var"):
                tensor.uniform_(0.3, 1.7)
            elif key.endswith("num_batches_tracked"):
                tensor.fill_(391)
            elif tensor.dim() == 1:
                tensor.add_(torch.empty_like(tensor).normal_(0, 0.2))
        net.to(dtype)
        save_safetensors(HERE / "state_dicts" / f"{name}.safetensors", net.state_dict())
        net.double()
        for key, value in expected(net, results["x"].double()).items():
            results[f"{name}.{key}"] = value
        if name == "resnet18_small":
            for key, value in training_step(net, results["x"].double(), torch.tensor([3, 8])).items():
                results[f"{name}.{key}"] = value
    save_safetensors(HERE / "expected.safetensors", results)

    results = {}
    x = torch.from_numpy(normal("x", BATCH * 3 * 32 * 32).astype(np.float32)).view(BATCH, 3, 32, 32)
    for arch in FORMULA_NETS:
        net = make_network(arch)
        fill_by_formula(net)
        print(arch, sum(p.numel() for p in net.parameters()))
        for key, value in expected(net.double(), x.double()).items():
            results[f"{arch}.{key}"] = value
    save_safetensors(HERE / "formula.safetensors", results)


if __name__ == "__main__":
    main()
