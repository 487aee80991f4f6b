"""The network and recipe of original.py in eager PyTorch."""

import sys

import numpy as np
import torch
from torch import nn

from benchmarks.stopwatch import Stopwatch

stopwatch = Stopwatch()
torch.manual_seed(int(sys.argv[1]))
with np.load("data/mnist.npz", allow_pickle=False) as mnist:
    images, test_images = (torch.from_numpy(mnist[x])[:, None].float() / 255 for x in ("x_train", "x_test"))
    labels, test_labels = (torch.from_numpy(mnist[y]).long() for y in ("y_train", "y_test"))

model = nn.Sequential(
    nn.Conv2d(1, 32, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(13 * 13 * 32, 100),
    nn.ReLU(),
    nn.Linear(100, 10),
)
optimizer = torch.optim.Adam(model.parameters())
loss = nn.CrossEntropyLoss()

convolution, dense = 26 * 26 * 3 * 3 * 32, 13 * 13 * 32 * 100 + 100 * 10  # products of one image, forward
stopwatch.report["operations"] = 2 * (2 * convolution + 3 * dense)  # see stopwatch.operations
stopwatch.training_begins()
for _ in range(4):
    stopwatch.epoch_begins()
    model.train()
    seen = 0
    for batch in torch.randperm(len(images)).split(32):
        optimizer.zero_grad()
        loss(model(images[batch]), labels[batch]).backward()
        optimizer.step()
        seen += len(batch)
        stopwatch.images_seen(seen)
    stopwatch.epoch_ends([parameter.detach().clone() for parameter in model.parameters()])
stopwatch.training_ends()


def accuracy(weights: list[torch.Tensor]) -> float:
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), weights, strict=True):
            parameter.copy_(values)
        predictions = torch.cat([model(some).argmax(1) for some in test_images.split(500)])
    return float((predictions == test_labels).float().mean())


stopwatch.test(accuracy)
stopwatch.write()
