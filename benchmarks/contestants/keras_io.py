"""The recipe of keras.io's example "Simple MNIST convnet": two convolutions, batches of 128, 15 epochs."""

import sys

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(int(sys.argv[1]))
with np.load("data/mnist.npz", allow_pickle=False) as mnist:
    x_train = mnist["x_train"][..., np.newaxis].astype("float32") / 255
    x_test = mnist["x_test"][..., np.newaxis].astype("float32") / 255
    y_train, y_test = (keras.utils.to_categorical(mnist[labels]) for labels in ("y_train", "y_test"))

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])

model.fit(x_train, y_train, batch_size=128, epochs=15, validation_split=0.1, verbose=2)
print(model.evaluate(x_test, y_test, verbose=0))
