#!/usr/bin/env python3
"""PyTorch's NaturalInversion iteration: generator, feature pyramid and channel scales over a frozen classifier in evaluation mode,
with hooks on every batch normalisation, three Adams. Random classifier weights; CIFAR-10 weights of the loss terms.

Rows: released (the classifier's parameters ask for gradients, which nobody uses, as in the released code; contiguous tensors; malloc as
it comes), best-nchw and best-channels-last (no gradients for the classifier's parameters, malloc tuned). In all of them the hooks also
run in the pass that only wants the features, as in the released code. Not counted in any: the second evaluation that the released code
makes in each iteration whose loss is the lowest so far.

On a GPU also graph (the iteration as one CUDA graph: moves by index tensors that the host fills, fused optimisers, no statistics in the pass that
only wants the features, the loss stays on the device) and compiled (the same, the loss as torch.compile makes it).
"""

import random

import peer_common

LAMBDA_BN, LAMBDA_TV, LAMBDA_L2 = 10.0, 6.0e-3, 1.5e-5


def main():
    rows = ["released", "best-nchw", "best-channels-last", "graph", "compiled"]
    arguments = peer_common.parse_arguments(__doc__, rows, arch="resnet34", batch=32)
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch_networks import FeaturePyramid, Generator, make_network

    is_graph = arguments.row in ("graph", "compiled")
    device, layout = peer_common.prepare(arguments)
    random.seed(1)

    class BatchStatistics:
        """Hook on a batch normalisation: distance of its input's statistics from the running ones."""

        on = True

        def __init__(self, module):
            module.register_forward_hook(self)
            self.distance = None

        def __call__(self, module, inputs, output):
            if not BatchStatistics.on:
                return
            x = inputs[0]
            if is_graph:
                var, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
            else:
                mean = x.mean([0, 2, 3])
                var = x.permute(1, 0, 2, 3).contiguous().view(x.shape[1], -1).var(1, unbiased=False)
            self.distance = torch.norm(module.running_var - var, 2) + torch.norm(module.running_mean - mean, 2)

    def total_variation(x):
        return (torch.norm(x[:, :, :, :-1] - x[:, :, :, 1:]) + torch.norm(x[:, :, :-1, :] - x[:, :, 1:, :])
                + torch.norm(x[:, :, 1:, :-1] - x[:, :, :-1, 1:]) + torch.norm(x[:, :, :-1, :-1] - x[:, :, 1:, 1:]))

    def draw_move():
        return random.randint(-2, 2), random.randint(-2, 2), random.random() < 0.5

    # The rows and columns of two moves, for the captured iteration.
    moves = torch.zeros(4, 32, dtype=torch.int64, device=device)

    def fill_moves():
        rows = []
        for _ in range(2):
            dy, dx, flip = draw_move()
            columns = [(i - dx) % 32 for i in range(32)]
            rows += [[(i - dy) % 32 for i in range(32)], columns[::-1] if flip else columns]
        moves.copy_(torch.tensor(rows).pin_memory(), non_blocking=True)

    def jitter(x, which):
        if is_graph:
            return x.index_select(2, moves[2 * which]).index_select(3, moves[2 * which + 1])
        dy, dx, flip = draw_move()
        x = torch.roll(x, (dy, dx), (2, 3))
        return torch.flip(x, (3,)) if flip else x

    teacher = make_network(arguments.arch).to(device, memory_format=layout).eval()
    teacher.requires_grad_(arguments.row == "released")
    statistics = [BatchStatistics(module) for module in teacher.modules() if isinstance(module, nn.BatchNorm2d)]
    labels = (torch.arange(arguments.batch) % 10).to(device)
    z = torch.cat([torch.randn(arguments.batch, 1024), F.one_hot(labels.cpu(), 10).float()], 1).to(device)
    with torch.no_grad():
        channels = [tap.shape[1] for tap in teacher.forward_features(torch.zeros(1, 3, 32, 32, device=device))[1]]
    generator = Generator(z.shape[1]).to(device, memory_format=layout).train()
    pyramid = FeaturePyramid(channels).to(device, memory_format=layout)
    alpha = (torch.randn(arguments.batch, 3, 1, 1) + 5).to(device).requires_grad_()
    fused = {"fused": True, "capturable": True} if is_graph else {}
    optimizers = [torch.optim.Adam(generator.parameters(), lr=1e-3, **fused), torch.optim.Adam(pyramid.parameters(), lr=5e-4, **fused),
                  torch.optim.Adam([alpha], lr=5e-2, **fused)]

    def loss_of_batch():
        x1 = jitter(generator(z), 0)
        BatchStatistics.on = not is_graph
        with torch.no_grad():
            taps = teacher.forward_features(x1)[1]
        BatchStatistics.on = True
        x3 = jitter(alpha * pyramid(x1, taps), 1)
        cross_entropy = F.cross_entropy(teacher(x3), labels)
        matching = sum(hook.distance for hook in statistics)
        return cross_entropy + LAMBDA_BN * matching + LAMBDA_TV * total_variation(x3) + LAMBDA_L2 * torch.norm(x3)

    make_loss = torch.compile(loss_of_batch) if arguments.row == "compiled" else loss_of_batch

    def iterate():
        loss = make_loss()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss

    lowest = 1e6

    def eager(_):
        nonlocal lowest
        lowest = min(lowest, iterate().item())

    def replay(_):
        fill_moves()
        graph.replay()

    if is_graph:
        fill_moves()
        graph = peer_common.captured(iterate)
    peer_common.run(arguments, replay if is_graph else eager)


if __name__ == "__main__":
    main()
