"""Makes large/: pictures that are large beside a network's input, in the kinds of JPEG that cameras and editors
write, and what Pillow makes of them at 40x30 (NAME.jpg.want.png, its bilinear filter).

They are as natural pictures are, statistically: amplitudes that fall with the frequency, hard edges, strong
colours, blown lights and the noise of a sensor.

Run from here: python make_large.py   (Pillow and numpy; the committed files came from Pillow 13.0.0)
"""
import os

import numpy as np
from PIL import Image

W, H = 480, 360
rng = np.random.default_rng(11)


def field(power):
    """Noise of mean 0 and deviation 1 whose amplitude falls with the frequency to that power: [H,W]."""
    f = np.hypot(np.fft.fftfreq(H)[:, None], np.fft.rfftfreq(W)[None])
    f[0, 0] = np.inf
    x = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((H, W))) / f**power, (H, W))
    return x / x.std()


def photo():
    y, x = np.mgrid[0:H, 0:W]
    luma, cb, cr = 120 + 45 * field(1.1), 14 * field(1.3), 14 * field(1.3)
    for _ in range(25):
        inside = np.hypot(x - rng.integers(W), (y - rng.integers(H)) * rng.uniform(0.5, 2)) < rng.integers(8, 70)
        luma[inside] += rng.normal(0, 30)
        cb[inside] += rng.normal(0, 12)
        cr[inside] += rng.normal(0, 12)
    luma += rng.normal(0, 3, luma.shape)
    rgb = np.stack([luma + 1.402 * cr, luma - 0.344 * cb - 0.714 * cr, luma + 1.772 * cb], 2)
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8), "RGB")


os.makedirs("large", exist_ok=True)
for name, options in {
    "420": {"subsampling": 2},
    "420_odd": {"subsampling": 2},
    "444": {"subsampling": 0},
    "progressive": {"subsampling": 2, "progressive": True},
    "progressive_422": {"subsampling": 1, "progressive": True, "restart_marker_rows": 1},
    "gray": {"progressive": True},
}.items():
    m = photo()
    if name == "gray":
        m = m.convert("L")
    if name == "420_odd":
        m = m.crop((0, 0, W - 13, H - 7))
    path = f"large/{name}.jpg"
    m.save(path, quality=80, optimize=True, **options)
    Image.open(path).convert("RGB").resize((40, 30), Image.BILINEAR).save(path + ".want.png", optimize=True)
