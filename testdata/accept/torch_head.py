# The same head in PyTorch, for comparison: torch_head.py FEATURES.parquet SPLIT.csv [EPOCHS=5] [SEED=0]
# Trains a linear head on the features of `graft embed` and the split of a run (training and validation together, as
# graft's second fit does) with the same settings: standardised features, weights from zero, cross-entropy balanced over the
# classes, Adam 1e-3, batch 32. Prints the test accuracy.
# Needs, from PyPI: torch numpy pandas pyarrow
import sys

import numpy as np
import pandas as pd
import torch

features, split = pd.read_parquet(sys.argv[1]), pd.read_csv(sys.argv[2])
epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
torch.manual_seed(int(sys.argv[4]) if len(sys.argv) > 4 else 0)

rows = split[["path", "split"]].merge(features, on="path", validate="one_to_one")
classes = {name: i for i, name in enumerate(sorted(rows.label.unique()))}
x = torch.tensor(np.stack(rows.embedding.to_numpy()).astype("f4"))
y = torch.tensor(rows.label.map(classes).to_numpy())
test = torch.tensor((rows.split == "test").to_numpy())

mean, std = x[~test].mean(0), x[~test].std(0, correction=0).clamp_min(1e-6)
x = (x - mean) / std
head = torch.nn.Linear(x.shape[1], len(classes))
torch.nn.init.zeros_(head.weight)
torch.nn.init.zeros_(head.bias)
adam = torch.optim.Adam(head.parameters(), 1e-3)
xt, yt = x[~test], y[~test]
balance = len(yt) / (len(classes) * torch.bincount(yt, minlength=len(classes)))
for _ in range(epochs):
    for batch in torch.randperm(len(xt)).split(32):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(head(xt[batch]), yt[batch], balance).backward()
        adam.step()
with torch.no_grad():
    right = head(x[test]).argmax(1) == y[test]
print(f"test accuracy {100 * right.float().mean():.2f} % of {len(right)} pictures")
