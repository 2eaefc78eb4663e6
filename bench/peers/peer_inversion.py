#!/usr/bin/env python3
"""PyTorch's NaturalInversion iteration: generator, feature pyramid and channel scales over a frozen classifier in evaluation mode,
with hooks on every batch normalisation, three Adams. Random classifier weights; CIFAR-10 weights of the loss terms.

Rows: released (the classifier's parameters ask for gradients, which nobody uses, as in the released code; contiguous tensors; malloc as
it comes), best-nchw and best-channels-last (no gradients for the classifier's parameters, malloc tuned). In all of them the hooks also
run in the pass that only wants the features, as in the released code. Not counted in any: the second evaluation that the released code
makes in each iteration whose loss is the lowest so far.
"""

import random

import peer_common

LAMBDA_BN, LAMBDA_TV, LAMBDA_L2 = 10.0, 6.0e-3, 1.5e-5


def main():
    rows = ["released", "best-nchw", "best-channels-last"]
    arguments = peer_common.parse_arguments(__doc__, rows, arch="resnet34", batch=32)
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch_networks import FeaturePyramid, Generator, make_network

    class BatchStatistics:
        """Hook on a batch normalisation: distance of its input's statistics from the running ones."""

        def __init__(self, module):
            module.register_forward_hook(self)
            self.distance = None

        def __call__(self, module, inputs, output):
            x = inputs[0]
            mean = x.mean([0, 2, 3])
            var = x.permute(1, 0, 2, 3).contiguous().view(x.shape[1], -1).var(1, unbiased=False)
            self.distance = torch.norm(module.running_var - var, 2) + torch.norm(module.running_mean - mean, 2)

    def total_variation(x):
        return (torch.norm(x[:, :, :, :-1] - x[:, :, :, 1:]) + torch.norm(x[:, :, :-1, :] - x[:, :, 1:, :])
                + torch.norm(x[:, :, 1:, :-1] - x[:, :, :-1, 1:]) + torch.norm(x[:, :, :-1, :-1] - x[:, :, 1:, 1:]))

    def jitter(x):
        x = torch.roll(x, (random.randint(-2, 2), random.randint(-2, 2)), (2, 3))
        return torch.flip(x, (3,)) if random.random() < 0.5 else x

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    random.seed(1)
    layout = getattr(torch, peer_common.ROWS[arguments.row][1])
    teacher = make_network(arguments.arch).to(memory_format=layout).eval()
    teacher.requires_grad_(arguments.row == "released")
    statistics = [BatchStatistics(module) for module in teacher.modules() if isinstance(module, nn.BatchNorm2d)]
    labels = torch.arange(arguments.batch) % 10
    z = torch.cat([torch.randn(arguments.batch, 1024), F.one_hot(labels, 10).float()], 1)
    with torch.no_grad():
        channels = [tap.shape[1] for tap in teacher.forward_features(torch.zeros(1, 3, 32, 32))[1]]
    generator = Generator(z.shape[1]).to(memory_format=layout).train()
    pyramid = FeaturePyramid(channels).to(memory_format=layout)
    alpha = (torch.randn(arguments.batch, 3, 1, 1) + 5).requires_grad_()
    optimizers = [torch.optim.Adam(generator.parameters(), lr=1e-3), torch.optim.Adam(pyramid.parameters(), lr=5e-4),
                  torch.optim.Adam([alpha], lr=5e-2)]
    lowest = 1e6

    def step(_):
        nonlocal lowest
        x1 = jitter(generator(z))
        with torch.no_grad():
            taps = teacher.forward_features(x1)[1]
        x3 = jitter(alpha * pyramid(x1, taps))
        cross_entropy = F.cross_entropy(teacher(x3), labels)
        matching = sum(hook.distance for hook in statistics)
        loss = cross_entropy + LAMBDA_BN * matching + LAMBDA_TV * total_variation(x3) + LAMBDA_L2 * torch.norm(x3)
        lowest = min(lowest, loss.item())
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    peer_common.run(arguments, step)


if __name__ == "__main__":
    main()
