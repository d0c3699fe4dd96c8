"""The networks of torchvision, timm and efficientnet_lite_pytorch that graft has, with seeded weights.

What the scripts beside it share: which networks, their input, and where in them a depth is found.
"""
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet as Lite

import seeded

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
ODD = (225, 193)  # of a size where TensorFlow's SAME padding differs from side to side and from axis to axis

TORCHVISION = """resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d wide_resnet50_2 squeezenet1_1
    vgg16 vgg16_bn densenet121 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small efficientnet_b0 efficientnet_b1
    efficientnet_b2 efficientnet_b3 regnet_y_400mf convnext_tiny""".split()
TIMM = """resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d wide_resnet50_2 vgg16 vgg16_bn densenet121
    mobilenetv2_100 mobilenetv3_large_100 mobilenetv3_small_100 tf_mobilenetv3_large_100 tf_mobilenetv3_small_100
    efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 tf_efficientnet_b0 tf_efficientnet_b1
    tf_efficientnet_b2 tf_efficientnet_b3 tf_efficientnet_lite0 tf_efficientnet_lite1 tf_efficientnet_lite2
    tf_efficientnet_lite3 tf_efficientnet_lite4 regnety_004 convnext_tiny""".split()
LITE = [f"efficientnet-lite{i}" for i in range(5)]
TORCHVISION_SIZE = {"efficientnet_b1": 240, "efficientnet_b2": 288, "efficientnet_b3": 300}

# Where each depth is found: a module's path, "<" before it for the module's first input instead of its output.
DEPTHS = {
    "torchvision": {
        "squeezenet": ("features.1", "stage4=features.12", "<classifier"),
        "vgg16_bn": ("features.6", "stage5=features.43", "<classifier.6"),
        "vgg16": ("features.4", "stage5=features.30", "<classifier.6"),
        "densenet": ("features.denseblock1", "stage4=features.denseblock4", "<classifier"),
        "mobilenet_v2": ("features.1", "stage7=features.17", "<classifier.1"),
        "mobilenet_v3_large": ("features.1", "stage6=features.15", "<classifier.3", "pooled=<classifier.0"),
        "mobilenet_v3_small": ("features.1", "stage6=features.11", "<classifier.3", "pooled=<classifier.0"),
        "efficientnet": ("features.1", "stage7=features.7", "<classifier.1"),
        "regnet": ("trunk_output.block1", "stage4=trunk_output.block4", "<fc"),
        "convnext": ("features.1", "stage4=features.7", "<classifier.2"),
        "": ("layer1", "stage4=layer4", "<fc"),
    },
    "timm": {
        "vgg16_bn": ("features.6", "stage5=features.43", "<head.fc"),
        "vgg16": ("features.4", "stage5=features.30", "<head.fc"),
        "densenet": ("features.denseblock1", "stage4=features.denseblock4", "<classifier"),
        "mobilenetv3_large": ("blocks.0", "stage6=blocks.5", "<classifier", "pooled=<conv_head"),
        "mobilenetv3_small": ("blocks.0", "stage6=blocks.4", "<classifier", "pooled=<conv_head"),
        "mobilenetv2": ("blocks.0", "stage7=blocks.6", "<classifier"),
        "efficientnet": ("blocks.0", "stage7=blocks.6", "<classifier"),
        "regnet": ("s1", "stage4=s4", "<head.fc"),
        "convnext": ("stages.0", "stage4=stages.3", "<head.fc"),
        "": ("layer1", "stage4=layer4", "<fc"),
    },
}


@dataclass
class Net:
    """One network of a library."""
    lib: str
    model: str
    size: int = 224  # of its own input
    mean: tuple = IMAGENET[0]  # of a picture within 0-1
    std: tuple = IMAGENET[1]
    tag: str = ""  # of the published weights that size, mean and std belong to
    same: bool = False  # whether it pads as TensorFlow's SAME does
    depths: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.lib}.{self.model}"

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [(96, 96), (self.size, self.size)] + [ODD] * self.same

    def build(self, fixed: bool = False) -> torch.nn.Module:
        """The network with seeded weights, for inference; fixed has Lite pad for its own size only, as for export."""
        if self.lib == "torchvision":
            net = torchvision.models.get_model(self.model, weights=None)
        elif self.lib == "timm":
            net = timm.create_model(self.model, pretrained=False)
        else:
            net = Lite.from_name(self.model, image_size=self.size if fixed else None)
        return seed(net.eval())

    def input(self, height: int, width: int) -> np.ndarray:
        mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in self.scale())
        return (seeded.pixels(height, width) - mean) / std

    def scale(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of a picture within 0-255."""
        return [round(255 * m, 6) for m in self.mean], [round(255 * s, 6) for s in self.std]

    def normalise(self) -> str:
        if self.lib == "lite":
            return "lite"
        return {IMAGENET: "torch", ((0.5,) * 3, (0.5,) * 3): "tf"}[(tuple(self.mean), tuple(self.std))]


def seed(net: torch.nn.Module) -> torch.nn.Module:
    """Gives every array of net the value drawn for its name and shape."""
    with torch.no_grad():
        for name, t in net.state_dict().items():
            if t.is_floating_point():
                t.copy_(torch.from_numpy(seeded.weight(name, t.shape)))
    return net


def nets(wanted: list[str] = ()) -> list[Net]:
    """All networks, or those whose names contain one of wanted."""
    table = [Net("torchvision", m, TORCHVISION_SIZE.get(m, 224)) for m in TORCHVISION]
    for m in TIMM:
        cfg = timm.get_pretrained_cfg(m)
        table.append(Net("timm", m, cfg.input_size[1], tuple(cfg.mean), tuple(cfg.std), cfg.tag, m.startswith("tf_")))
    for m in LITE:
        table.append(Net("lite", m, Lite.get_image_size(m), (127 / 255,) * 3, (128 / 255,) * 3, "", True))
    for net in table:
        net.depths = depths(net)
    return [n for n in table if not wanted or any(w in n.name for w in wanted)]


def depths(net: Net) -> dict[str, str]:
    """Path by name of depth."""
    if net.lib == "lite":
        blocks = len(Lite.from_name(net.model)._blocks)
        return {"stage1": "_blocks.0", "stage7": f"_blocks.{blocks - 1}", "features": "<_fc"}
    first, last, features, *more = next(v for k, v in DEPTHS[net.lib].items() if k in net.model)
    return {"stage1": first, "features": features} | dict(pair.split("=", 1) for pair in (last, *more))


def run(net: torch.nn.Module, where: dict[str, str], x: np.ndarray) -> dict[str, np.ndarray]:
    """What net makes of x at each depth, and its logits, in the precision of its weights."""
    found, hooks = {}, []

    def keep(depth, value):
        value = value.clone()  # a ReLU in place may follow
        if depth in ("features", "pooled") and value.dim() == 4:
            value = value.mean((2, 3))
        found[depth] = value.numpy()

    for depth, path in where.items():
        module = net.get_submodule(path.removeprefix("<"))
        if path.startswith("<"):
            hooks.append(module.register_forward_pre_hook(lambda _, args, d=depth: keep(d, args[0])))
        else:
            hooks.append(module.register_forward_hook(lambda _, args, out, d=depth: keep(d, out)))
    with torch.no_grad():
        keep("logits", net(torch.from_numpy(x).to(next(net.parameters()).dtype)))
    for h in hooks:
        h.remove()
    return found


def versions(*more: str) -> str:
    packages = ("torch", "torchvision", "timm", "efficientnet_lite_pytorch", "numpy", *more)
    return " ".join(f"{p}=={version(p)}" for p in packages)
