"""The networks of keras.applications whose files graft reads, with seeded weights.

Needs tensorflow-cpu (with Keras 3), h5py and safetensors.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
from dataclasses import dataclass
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from keras.src.applications import imagenet_utils
from keras.src.models import Functional
from keras.src.utils import file_utils

import seeded

tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(2)

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@dataclass
class App:
    """An application: where it lives, what it expects, and where it is looked into.

    depths names layers: "x" is layer x's output, "<x" is its input (for layers that Keras numbers by a global
    counter). The names of the depths are those of the golden files.
    """

    module: str
    size: int
    normalise: str  # what preprocess_input does: caffe, tf, torch, or raw (nothing: the graph holds it)
    depths: dict


def resnet(last: int) -> App:
    return App("resnet", 224, "caffe", {"stage1": "conv2_block3_out", "stage4": f"conv5_block{last}_out", "features": "avg_pool", "logits": "predictions"})


def efficientnet(size: int) -> App:
    return App("efficientnet", size, "raw", {"stage1": "<block2a_expand_conv", "stage7": "<top_conv", "features": "avg_pool", "logits": "predictions"})


MOBILENET_V3 = App("mobilenet_v3", 224, "raw", {"stage1": "<expanded_conv_1_expand", "stage6": "<conv_1", "pooled": "<conv_2", "features": "<logits", "logits": "predictions"})

APPS = {
    "ResNet50": resnet(3),
    "ResNet101": resnet(3),
    "ResNet152": resnet(3),
    "ResNet50V2": App("resnet_v2", 224, "tf", {"stage1": "<conv3_block1_preact_bn", "stage4": "<post_bn", "features": "avg_pool", "logits": "predictions"}),
    "VGG16": App("vgg16", 224, "caffe", {"stage1": "block1_pool", "stage5": "block5_pool", "features": "fc2", "logits": "predictions"}),
    "DenseNet121": App("densenet", 224, "torch", {"stage1": "<pool2_bn", "stage4": "<bn", "features": "avg_pool", "logits": "predictions"}),
    "MobileNetV2": App("mobilenet_v2", 224, "tf", {"stage1": "expanded_conv_project_BN", "stage7": "block_16_project_BN", "features": "<predictions", "logits": "predictions"}),
    "MobileNetV3Large": MOBILENET_V3,
    "MobileNetV3Small": MOBILENET_V3,
    "EfficientNetB0": efficientnet(224),
    "EfficientNetB1": efficientnet(240),
    "EfficientNetB2": efficientnet(260),
    "EfficientNetB3": efficientnet(300),
    "ConvNeXtTiny": App("convnext", 224, "raw", {"stage1": "<convnext_tiny_downsampling_block_0", "stage4": "<convnext_tiny_head_gap", "features": "convnext_tiny_head_layernorm", "logits": "convnext_tiny_head_dense"}),
}


def build(name: str, height: int, width: int, get_file=lambda *_, **__: None, **options):
    """The application as weights="imagenet" makes its graph, for one size, not yet with weights.

    weights="imagenet" is more than weights: the files of EfficientNet hold the standard deviation where the layer
    `normalization` wants the variance, and only then does Keras put a Rescaling by 1/√std behind that layer, which
    makes (x/255 − mean)/std of it. So we ask for it and keep Keras from downloading, from loading, and from
    insisting on the network's own size. get_file is called in the place of the download.
    """
    keras.utils.clear_session()  # Keras numbers unnamed layers from 0 again
    with (
        mock.patch.object(imagenet_utils, "obtain_input_shape", lambda shape, **_: shape),
        mock.patch.object(file_utils, "get_file", get_file),
        mock.patch.object(Functional, "load_weights", lambda *_: None),
    ):
        return getattr(keras.applications, name)(weights="imagenet", input_shape=(height, width, 3), **options)


def preprocess(name: str, images: np.ndarray) -> np.ndarray:
    """What the application's preprocess_input makes of RGB pictures [N, H, W, 3] of 0-255."""
    return getattr(keras.applications, APPS[name].module).preprocess_input(images.copy())


def leaves(layer):
    """The layer, or the layers that a nested model is made of, in order."""
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from leaves(inner)
    else:
        yield layer


def weights_of(layer):
    """(name, variable) for each weight of a layer, in the order of Keras's files: trainable ones first."""
    for leaf in leaves(layer):
        for v in leaf.trainable_weights + leaf.non_trainable_weights:
            yield f"{leaf.name}/{weight_name(leaf, v)}", v


def weight_name(layer, variable) -> str:
    """A weight's own name: as Keras 3 has it, with two exceptions.

    DepthwiseConv2D's kernel has the name of the published files (to Keras 3 it is "kernel" too, though its axes are
    others: [h w C 1]). LayerScale's only variable is called what its attribute is; Keras leaves it unnamed.
    """
    kind = type(layer).__name__
    if kind == "DepthwiseConv2D" and variable.name == "kernel":
        return "depthwise_kernel"
    return "gamma" if kind == "LayerScale" else variable.name


def seed(model) -> dict[str, np.ndarray]:
    """Fills a model with seeded weights; returns what the generator gave, by name, as float32."""
    drawn = {}
    for layer in model.layers:
        for name, v in weights_of(layer):
            value = imagenet_norm(name)
            if value is None:
                assert name not in drawn, name
                value = drawn[name] = seeded.weight(name, v.shape)
            v.assign(value)
        for leaf in leaves(layer):
            if isinstance(leaf, keras.layers.Normalization):
                leaf.finalize_state()  # reads mean and variance anew
    return drawn


def imagenet_norm(name: str):
    """The published values of EfficientNet's layer `normalization`, whose "variance" is the standard deviation."""
    return {
        "normalization/mean": np.float32(MEAN),
        "normalization/variance": np.float32(STD),
        "normalization/count": 0,
    }.get(name)
