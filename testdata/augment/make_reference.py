"""Makes reference/CASE.png: what torchvision and Pillow make of ../pixels/resize/source.png under fixed strengths.

CASE is the name of a case of the table in internal/transform/reference_test.go. Fill modes other than constant, which
torchvision has not, are numpy's pads around the source before it is moved.

Run from here: python make_reference.py   (the committed files came from torchvision 0.29.2 and Pillow 13.0.0)
"""
import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import functional as F
from torchvision.transforms import InterpolationMode as I

src = Image.open("../pixels/resize/source.png").convert("RGB")
w, h = src.size
PAD = {"reflect": "symmetric", "nearest": "edge", "wrap": "wrap"}


def save(case, picture):
    if isinstance(picture, torch.Tensor):
        picture = Image.fromarray(picture.permute(1, 2, 0).numpy())
    picture.save(f"reference/{case}.png", optimize=True)


def affine(picture, angle=0.0, shift=(0, 0), zoom=1.0, shear=0.0):
    return F.affine(picture, angle, list(shift), zoom, [shear, 0.0], I.BILINEAR)


def filled(fill, **kw):
    """The affine motion with the picture continued beyond its edges: as far as the motions below reach."""
    n = 40
    a = np.asarray(src)
    if fill == "wrap":
        big = np.pad(a, ((n, n), (n, n), (0, 0)), "wrap")
    else:
        big = np.pad(a, ((n, n), (n, n), (0, 0)), PAD[fill])
    return affine(Image.fromarray(big), **kw).crop((n, n, n + w, n + h))


tensor = F.pil_to_tensor(src)
save("hflip", F.hflip(src))
save("vflip", F.vflip(src))
save("rotation_17", affine(src, angle=17))
save("rotation_-100", affine(src, angle=-100))
save("shear_20", affine(src, shear=20))
save("zoom_0.7", affine(src, zoom=0.7))
save("zoom_1.6", affine(src, zoom=1.6))
save("shift", affine(src, shift=(9, -6)))
save("composed", affine(src, angle=-12, shift=(-5, 3), zoom=1.2, shear=8))
for fill in PAD:
    save(f"fill_{fill}", filled(fill, angle=25, zoom=0.8, shift=(10, 4)))
for x in (0.4, 1.5):
    save(f"brightness_{x}", ImageEnhance.Brightness(src).enhance(x))
    save(f"contrast_{x}", ImageEnhance.Contrast(src).enhance(x))
    save(f"saturation_{x}", ImageEnhance.Color(src).enhance(x))
    save(f"sharpness_{x}", ImageEnhance.Sharpness(src).enhance(x))
for x in (-0.4, -0.05, 0.1, 0.5):
    save(f"hue_{x}", F.adjust_hue(tensor, x))
save("grayscale", F.rgb_to_grayscale(src, 3))
for sigma, reach in ((0.5, 2), (1.3, 4), (4.0, 12)):
    save(f"blur_{sigma}", F.gaussian_blur(tensor, [2 * reach + 1] * 2, [sigma, sigma]))
for bits in (4, 6):
    save(f"posterize_{bits}", ImageOps.posterize(src, bits))
save("solarize_100", ImageOps.solarize(src, 100))
dull = ImageEnhance.Contrast(src).enhance(0.4)
save("dull", dull)
save("autocontrast", ImageOps.autocontrast(dull))
save("equalize", ImageOps.equalize(dull))
# Pillow 13 resizes down first where that is less work, 12 and graft always across first: here both do.
save("crop_bilinear", F.resized_crop(src, 5, 8, 30, 41, [24, 30], I.BILINEAR))
save("crop_bicubic", F.resized_crop(src, 5, 8, 30, 41, [64, 48], I.BICUBIC))
save("crop_nearest", F.resized_crop(src, 5, 8, 30, 41, [24, 40], I.NEAREST))
