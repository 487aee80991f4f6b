"""The network and recipe of cnn.py in PyTorch: `... SEED`, `... SEED channels-last` or `... SEED compiled`."""

import sys

import numpy as np
import torch
from torch import nn

from benchmarks.stopwatch import Stopwatch

EPOCHS, BATCH, RATE = 4, 128, 0.006

stopwatch = Stopwatch()
seed, *ways = sys.argv[1:]
torch.manual_seed(int(seed))
with np.load("data/mnist.npz", allow_pickle=False) as mnist:
    images, test_images = (torch.from_numpy(mnist[x])[:, None].float() / 255 for x in ("x_train", "x_test"))
    labels, test_labels = (torch.from_numpy(mnist[y]).long() for y in ("y_train", "y_test"))
images, labels = images[:55000], labels[:55000]

model = nn.Sequential(
    nn.Conv2d(1, 32, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.4),
    nn.Linear(13 * 13 * 32, 100),
    nn.ReLU(),
    nn.Dropout(0.4),
    nn.Linear(100, 10),
)
if "channels-last" in ways:
    model, images, test_images = (x.to(memory_format=torch.channels_last) for x in (model, images, test_images))
updates = EPOCHS * -(-len(images) // BATCH)
optimizer = torch.optim.Adam(model.parameters(), RATE, eps=1e-7)  # Keras' epsilon
decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, updates)
criterion = nn.CrossEntropyLoss()


def loss(some: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    return criterion(model(some), of)


if "compiled" in ways:
    loss = torch.compile(loss)  # with the network inside

convolution, dense = 26 * 26 * 3 * 3 * 32, 13 * 13 * 32 * 100 + 100 * 10  # products of one image, forward
stopwatch.report["operations"] = 2 * (2 * convolution + 3 * dense)  # see stopwatch.operations
stopwatch.training_begins()
for _ in range(EPOCHS):
    stopwatch.epoch_begins()
    model.train()
    seen = 0
    for batch in torch.randperm(len(images)).split(BATCH):
        optimizer.zero_grad()
        loss(images[batch], labels[batch]).backward()
        optimizer.step()
        decay.step()
        seen += len(batch)
        stopwatch.images_seen(seen)
    stopwatch.epoch_ends([parameter.detach().clone() for parameter in model.parameters()])
stopwatch.training_ends()


def accuracy(weights: list[torch.Tensor]) -> float:
    model.eval()
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), weights, strict=True):
            parameter.copy_(values)
        predictions = torch.cat([model(some).argmax(1) for some in test_images.split(500)])
    return float((predictions == test_labels).float().mean())


stopwatch.test(accuracy)
stopwatch.write()
