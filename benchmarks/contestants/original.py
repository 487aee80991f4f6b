"""The recipe that courses of this kind start from: one convolution, batches of 32, Adam at its defaults, 4 epochs."""

import sys

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(int(sys.argv[1]))
with np.load("data/mnist.npz", allow_pickle=False) as mnist:
    X_train = mnist["x_train"].reshape(-1, 28, 28, 1).astype("float32") / 255
    X_test = mnist["x_test"].reshape(-1, 28, 28, 1).astype("float32") / 255
    y_train, y_test = (keras.utils.to_categorical(mnist[labels]) for labels in ("y_train", "y_test"))

model = keras.Sequential()
model.add(keras.Input((28, 28, 1)))
model.add(layers.Conv2D(32, (3, 3), activation="relu"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(100, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])

model.fit(X_train, y_train, epochs=4, verbose=2)
print(model.evaluate(X_test, y_test, verbose=0))
