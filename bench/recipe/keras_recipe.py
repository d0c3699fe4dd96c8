"""Times the classic recipe in Keras 3: a frozen MobileNetV2, pictures drawn anew in every epoch, one dense layer.

The folders are those of graft split: TRAIN and TEST with a folder a class. It trains on some batches and evaluates some, after one
batch of each that is not timed, and says what five epochs over all pictures take: a tenth of the training pictures is
validated on in every epoch, the test once.

Needs tensorflow-cpu 2.21 and scipy:
    python keras_recipe.py TRAIN TEST mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5 --pipeline generator
"""

import argparse
import json
import os
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

SIZE, BATCH, EPOCHS, VALIDATION = (224, 224), 32, 5, 0.1


def generators(o):
    """The image generator of the textbook: NumPy and SciPy, one worker unless asked for more."""
    make = tf.keras.preprocessing.image.ImageDataGenerator  # Keras 3 has it under this name alone
    scale = keras.applications.mobilenet_v2.preprocess_input
    drawn = make(preprocessing_function=scale, rotation_range=10, width_shift_range=0.1, height_shift_range=0.1, zoom_range=0.1, horizontal_flip=True)
    plain = make(preprocessing_function=scale)
    flow = dict(target_size=SIZE, batch_size=BATCH)
    return drawn.flow_from_directory(o.train, **flow), plain.flow_from_directory(o.test, shuffle=False, **flow)


def datasets(o):
    """tf.data with preprocessing layers, which run in parallel."""
    load = dict(image_size=SIZE, batch_size=BATCH, label_mode="categorical")
    train = keras.utils.image_dataset_from_directory(o.train, **load)
    test = keras.utils.image_dataset_from_directory(o.test, shuffle=False, **load)
    layers = keras.layers
    draw = [layers.RandomFlip("horizontal"), layers.RandomRotation(10 / 360), layers.RandomTranslation(0.1, 0.1), layers.RandomZoom(0.1)]

    def drawn(x, y):
        for layer in draw:
            x = layer(x, training=True)
        return x / 127.5 - 1, y

    auto = tf.data.AUTOTUNE
    return train.map(drawn, auto).prefetch(auto), test.map(lambda x, y: (x / 127.5 - 1, y), auto).prefetch(auto)


def pictures(folder):
    return sum(len(files) for _, _, files in os.walk(folder))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("train")
    p.add_argument("test")
    p.add_argument("weights")
    p.add_argument("--pipeline", choices=["generator", "tfdata"], default="generator")
    p.add_argument("--batches", type=int, default=10, help="that are timed, of training and of evaluation")
    o = p.parse_args()
    train, test = (generators if o.pipeline == "generator" else datasets)(o)
    whole = keras.applications.MobileNetV2(weights=o.weights)
    base = keras.Model(whole.input, whole.get_layer("global_average_pooling2d").output)
    base.trainable = False
    classes = len(os.listdir(o.train))
    model = keras.Sequential([base, keras.layers.Dense(classes, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    timed = {}
    for name, run, data in (("train", model.fit, train), ("evaluate", model.evaluate, test)):
        steps = "steps_per_epoch" if name == "train" else "steps"
        run(data, verbose=0, **{steps: 1})
        start = time.perf_counter()
        run(data, verbose=0, **{steps: o.batches})
        timed[name] = o.batches * BATCH / (time.perf_counter() - start)
    n, held = pictures(o.train), pictures(o.test)
    validated = round(n * VALIDATION)
    seconds = EPOCHS * ((n - validated) / timed["train"] + validated / timed["evaluate"]) + held / timed["evaluate"]
    print(json.dumps({"pipeline": o.pipeline, "pictures_per_second": {k: round(v, 1) for k, v in timed.items()},
                      "pictures": [n, held], "seconds_extrapolated": round(seconds)}))


if __name__ == "__main__":
    main()
