"""PyTorch's ten-step losses in mixed precision, for the tests of internal/train.

    pip install torch torchvision numpy && python testdata/training/make_bf16.py

writes bf16.json beside itself: of each network, mode and optimiser of make_curves.py the losses where
torch.autocast("cpu", torch.bfloat16) chooses what is computed in bfloat16, with weights in float32, and of its first
gradients how far their norms are from those in float64. The script prints how far the losses are from float64's.
"""
import json

import torch
from torch.nn import functional as F

import make_curves as whole


def run(make, width, frozen, options):
    """The losses, and the norms of the first gradients."""
    net = whole.build(make, width, frozen, torch.float32)
    opt = whole.optimiser(net, **options)
    x, y = whole.pool(torch.float32)
    losses, norms = [], {}
    for step in range(whole.STEPS):
        rows = [(step * whole.BATCH + i) % whole.POOL for i in range(whole.BATCH)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x[rows])
        loss = F.cross_entropy(logits.float(), y[rows])
        opt.zero_grad()
        loss.backward()
        if step == 0:
            norms = {n: p.grad.double().norm().item() for n, p in net.named_parameters()}
        opt.step()
        losses.append(whole.short(loss.item()))
    return losses, norms


if __name__ == "__main__":
    torch.set_num_threads(2)
    nets = []
    for model, width, make, _ in whole.NETS["curves"]:
        modes = {}
        for mode in ("frozen", "batch"):
            runs = {}
            for kind, options in whole.OPTIMISERS.items():
                exact, grads, _ = whole.run(make, width, mode == "frozen", options, torch.float64)
                losses, norms = run(make, width, mode == "frozen", options)
                gap = whole.off({n: g["norm"] for n, g in grads.items()}, norms)
                print(f"{model} {width} {mode:6} {kind:5} bfloat16 off: first gradients {gap:.1e}, curve "
                      f"{' '.join(f'{abs(a - b) / a:.1e}' for a, b in zip(exact, losses))}", flush=True)
                runs[kind] = losses
            modes[mode] = dict(gradients_off=whole.short(gap), runs=runs)
        nets.append(dict(model=model, modes=modes))
    (whole.HERE / "bf16.json").write_text(json.dumps(dict(script="make_bf16.py", nets=nets), separators=(",", ":")) + "\n")
