"""The network and recipe of cnn.py as Keras' documentation trains it: without the course."""

import sys

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(int(sys.argv[1]))
with np.load("data/mnist.npz", allow_pickle=False) as mnist:
    X_train = mnist["x_train"].reshape(-1, 28, 28, 1).astype("float32") / 255
    X_test = mnist["x_test"].reshape(-1, 28, 28, 1).astype("float32") / 255
    y_train, y_test = (keras.utils.to_categorical(mnist[labels]) for labels in ("y_train", "y_test"))

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dropout(0.4),
        layers.Dense(100, activation="relu"),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]
)
decay = keras.optimizers.schedules.PolynomialDecay(0.006, 4 * 430, end_learning_rate=0)
model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(decay), metrics=["accuracy"])

validation = X_train[55000:], y_train[55000:]
model.fit(X_train[:55000], y_train[:55000], batch_size=128, epochs=4, validation_data=validation, verbose=2)
print(model.evaluate(X_test, y_test, verbose=0))
