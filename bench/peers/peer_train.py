#!/usr/bin/env python3
"""PyTorch's training step: forward, cross entropy, backward, SGD with Nesterov momentum and weight decay. Random images.

Rows: default (contiguous tensors, malloc as it comes), best-nchw and best-channels-last (malloc tuned); on a GPU also graph (the step as a
CUDA graph, fused optimiser) and compiled (the same, with a network that torch.compile made).
"""

import peer_common


def main():
    rows = ["default", "best-nchw", "best-channels-last", "graph", "compiled"]
    arguments = peer_common.parse_arguments(__doc__, rows, arch="resnet20", batch=128)
    import torch
    import torch.nn.functional as F
    from torch_networks import make_network

    device, layout = peer_common.prepare(arguments)
    net = make_network(arguments.arch).to(device, memory_format=layout).train()
    is_graph = arguments.row in ("graph", "compiled")
    fused = {"fused": True} if is_graph else {}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True, **fused)
    forward = torch.compile(net) if arguments.row == "compiled" else net
    x = torch.randn(arguments.batch, 3, 32, 32).to(device).contiguous(memory_format=layout)
    y = torch.randint(10, (arguments.batch,)).to(device)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if is_graph:
        graph = peer_common.captured(step)
        peer_common.run(arguments, lambda _: graph.replay())
    else:
        peer_common.run(arguments, lambda _: step().item())


if __name__ == "__main__":
    main()
