"""Makes the pictures under decode/ and resize/ and what a reference makes of them.

decode/NAME.EXT is a picture, decode/NAME.EXT.want.png its RGB pixels: Pillow's where Pillow has the same
rule (JPEG, WebP, palettes, orientation), and numpy's from the samples written where it has another (16 bits,
alpha over white, a GIF frame on its canvas). resize/SPEC.png is Pillow's resize of resize/source.png, where
SPEC is the canonical text of a transform with underscores for spaces; crops follow torchvision's formulas.

Run from here: python make_golden.py   (Pillow and numpy; the committed files came from Pillow 13.0.0)
"""
import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

os.makedirs("decode", exist_ok=True)
os.makedirs("resize", exist_ok=True)
rng = np.random.default_rng(7)


def scene(w, h):
    """A picture with smooth areas, hard coloured edges and noise: RGB8 [h,w,3]."""
    y, x = np.mgrid[0:h, 0:w] / max(w, h)
    a = np.stack([128 + 120 * np.sin(7 * x + 3 * y), 255 * y, 255 * (1 - x)], 2)
    a[h // 4:h // 2, w // 3:2 * w // 3] = [230, 20, 30]
    a[h // 2:, : w // 4] = [10, 40, 240]
    a[(np.hypot(x - 0.7, y - 0.5) < 0.12)] = [250, 240, 20]
    return np.clip(a + rng.normal(0, 6, a.shape), 0, 255).astype(np.uint8)


def want(name, rgb):
    Image.fromarray(np.asarray(rgb, np.uint8), "RGB").save(f"decode/{name}.want.png", optimize=True)


def put(name, data, rgb=None):
    """Writes a picture, and as its pixels rgb or else what Pillow makes of it."""
    with open(f"decode/{name}", "wb") as f:
        f.write(data)
    if rgb is None:
        rgb = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    want(name, rgb)


def saved(im, fmt, **kw):
    b = io.BytesIO()
    im.save(b, fmt, **kw)
    return b.getvalue()


def over_white(c, a, top):
    """c with straight alpha a, both 0..top, over white, as 8 bits."""
    c, a = np.asarray(c, np.float64), np.asarray(a, np.float64)[..., None]
    return np.floor((c * a + top * (top - a)) / top / top * 255 + 0.5).astype(np.uint8)


def exif(orientation):
    e = Image.Exif()
    e[274] = orientation
    return e


# JPEG -----------------------------------------------------------------------------------------------------

def segments(data):
    """The (marker, body) pairs of a JPEG up to its scan, and the scan's coded bytes."""
    at, out = 2, []
    while True:
        marker, n = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
        out.append((marker, data[at + 4:at + 2 + n]))
        at += 2 + n
        if marker == 0xDA:
            return out, data[at:-2]


def spliced(planes, factors, w, h, adobe=None):
    """A JPEG of planes that are each coded as a grey JPEG and joined as scans of their own, so that any
    sampling factors can be had."""
    def seg(marker, body):
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    parts = [segments(saved(Image.fromarray(p), "JPEG", quality=90)) for p in planes]
    out = b"\xff\xd8"
    if adobe is not None:
        out += seg(0xEE, b"Adobe" + bytes([0, 100, 0, 0, 0, 0, adobe]))
    out += b"".join(seg(m, b) for m, b in parts[0][0] if m in (0xDB, 0xC4))
    comps = b"".join(bytes([i + 1, hv, 0]) for i, hv in enumerate(factors))
    out += seg(0xC0, struct.pack(">BHHB", 8, h, w, len(planes)) + comps)
    for i, (_, scan) in enumerate(parts):
        out += seg(0xDA, bytes([1, i + 1, 0, 0, 63, 0])) + scan
    return out + b"\xff\xd9"


def jpegs():
    for w, h in [(61, 43), (64, 48), (3, 5), (4, 4), (1, 1), (17, 2)]:
        im = Image.fromarray(scene(w, h))
        put(f"420_{w}x{h}.jpg", saved(im, "JPEG", quality=90, subsampling="4:2:0"))
    im = Image.fromarray(scene(61, 43))
    put("gray.jpg", saved(im.convert("L"), "JPEG", quality=85))
    put("444.jpg", saved(im, "JPEG", quality=90, subsampling="4:4:4"))
    put("422.jpg", saved(im, "JPEG", quality=90, subsampling="4:2:2"))
    put("422_4x3.jpg", saved(im.resize((4, 3)), "JPEG", quality=90, subsampling="4:2:2"))
    put("progressive.jpg", saved(im, "JPEG", quality=75, progressive=True))
    put("restart.jpg", saved(im, "JPEG", quality=75, restart_marker_blocks=2))
    put("rgb.jpg", saved(im, "JPEG", quality=90, keep_rgb=True))
    cmyk = np.dstack([255 - scene(61, 43), rng.integers(0, 120, (43, 61), np.uint8)])
    data = saved(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=90)
    put("cmyk.jpg", data)
    at = data.index(b"Adobe") + 11
    assert data[at] == 0
    put("ycck.jpg", data[:at] + b"\x02" + data[at + 1:])
    start = data.index(b"\xff\xee")
    put("cmyk_unmarked.jpg", data[:start] + data[start + 16:])

    ycc = np.asarray(im.convert("YCbCr"))
    full = [np.ascontiguousarray(ycc[:, :, i]) for i in range(3)]

    def small(h, v):
        return [np.asarray(Image.fromarray(p).resize((-(-61 // h), -(-43 // v)), Image.BOX)) for p in full[1:]]
    put("440.jpg", spliced([full[0], *small(1, 2)], [0x12, 0x11, 0x11], 61, 43))
    put("411.jpg", spliced([full[0], *small(4, 1)], [0x41, 0x11, 0x11], 61, 43))
    k = (255 - cmyk[:, :, 3]).astype(np.uint8)
    for name, adobe in [("cmyk_halved.jpg", 0), ("ycck_halved.jpg", 2)]:
        put(name, spliced([full[0], *small(2, 2), k], [0x22, 0x11, 0x11, 0x22], 61, 43, adobe))
    put("410.jpg", spliced([full[0], *small(4, 2)], [0x42, 0x11, 0x11], 61, 43))
    put("thirds.jpg", spliced([full[0], *small(3, 1)], [0x31, 0x11, 0x11], 61, 43))
    put("mixed.jpg", spliced([full[0], small(2, 1)[0], small(1, 2)[1]], [0x22, 0x12, 0x21], 61, 43))
    put("luma_halved.jpg", spliced([small(2, 2)[0], *full[1:]], [0x11, 0x22, 0x22], 61, 43))
    put("rgb_halved.jpg", spliced([full[0], *small(2, 2)], [0x22, 0x11, 0x11], 61, 43, 0))
    put("coarse.jpg", saved(im, "JPEG", quality=4))
    put("finest.jpg", saved(im, "JPEG", quality=100))
    put("progressive_gray.jpg", saved(im.convert("L"), "JPEG", quality=100, progressive=True))
    put("progressive_422.jpg", saved(im, "JPEG", quality=95, progressive=True, subsampling="4:2:2", restart_marker_blocks=3))
    put("progressive_cmyk.jpg", saved(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=60, progressive=True))
    for o in range(1, 9):
        put(f"orientation{o}.jpg", saved(Image.fromarray(scene(24, 16)), "JPEG", quality=95, exif=exif(o)))


# PNG ------------------------------------------------------------------------------------------------------

def png(samples, depth, kind, extra=(), interlace=False):
    """A PNG of integer samples [h,w,c]; extra are chunks before IDAT."""
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    def packed(rows):
        out = b""
        for row in rows:
            if depth == 16:
                out += b"\0" + row.astype(">u2").tobytes()
            else:
                bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth:]
                out += b"\0" + np.packbits(bits.reshape(-1)).tobytes()
        return out
    h, w = samples.shape[:2]
    passes = [(0, 0, 1, 1)]
    if interlace:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    raw = b"".join(packed(samples[y::sy, x::sx]) for y, x, sy, sx in passes if samples[y::sy, x::sx].size)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, int(interlace)))
    for name, body in extra:
        out += chunk(name, body)
    return out + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def pngs():
    w, h = 29, 19
    for interlace in (False, True):
        tag = "_interlaced" if interlace else ""
        for depth in (1, 2, 4, 8, 16):
            top = 2**depth - 1
            v = rng.integers(0, top + 1, (h, w, 1))
            rgb = np.floor(v * 255 / top + 0.5).repeat(3, 2)
            put(f"gray{depth}{tag}.png", png(v, depth, 0, interlace=interlace), rgb)
        for depth in (8, 16):
            top = 2**depth - 1
            v = rng.integers(0, top + 1, (h, w, 4))
            v[:4, :, 3], v[4:8, :, 3] = 0, top
            put(f"rgb{depth}{tag}.png", png(v[..., :3], depth, 2, interlace=interlace), np.floor(v[..., :3] * 255 / top + 0.5))
            put(f"rgba{depth}{tag}.png", png(v, depth, 6, interlace=interlace), over_white(v[..., :3], v[..., 3], top))
            la = v[..., 2:]
            put(f"la{depth}{tag}.png", png(la, depth, 4, interlace=interlace), over_white(la[..., :1].repeat(3, 2), la[..., 1], top))
    for depth in (1, 2, 4, 8):
        n = 2**depth
        palette, alpha = rng.integers(0, 256, (n, 3)), rng.integers(0, 256, n // 2)
        v = rng.integers(0, n, (h, w, 1))
        a = np.concatenate([alpha, np.full(n - n // 2, 255)])[v[..., 0]]
        extra = [(b"PLTE", palette.astype(np.uint8).tobytes())]
        put(f"palette{depth}.png", png(v, depth, 3, extra), palette[v[..., 0]])
        extra.append((b"tRNS", alpha.astype(np.uint8).tobytes()))
        put(f"palette{depth}_trns.png", png(v, depth, 3, extra), over_white(palette[v[..., 0]], a, 255))
    v = rng.integers(0, 4, (h, w, 3)) * 80
    clear = np.all(v == [80, 80, 160], axis=2)
    put("rgb8_trns.png", png(v, 8, 2, [(b"tRNS", struct.pack(">HHH", 80, 80, 160))]), np.where(clear[..., None], 255, v))
    im = Image.fromarray(scene(24, 16))
    put("orientation6.png", saved(im, "PNG", exif=exif(6)))


# The others -----------------------------------------------------------------------------------------------

def gifs():
    im = Image.fromarray(scene(40, 30)).quantize(32)
    rgb = np.asarray(im.convert("RGB"))
    data = saved(im, "GIF")
    put("whole.gif", data, rgb)
    put("interlaced.gif", saved(im, "GIF", interlace=1), rgb)
    at = data.index(b"\x2c\0\0\0\0" + struct.pack("<HH", 40, 30))
    moved = data[:6] + struct.pack("<HH", 50, 36) + data[10:at + 1] + struct.pack("<HH", 7, 4) + data[at + 5:]
    canvas = np.full((36, 50, 3), 255, np.uint8)
    canvas[4:34, 7:47] = rgb
    put("on_canvas.gif", moved, canvas)
    clear = np.where((np.asarray(im) == 3)[..., None], 255, rgb)
    put("transparent.gif", saved(im, "GIF", transparency=3, optimize=False), clear)
    frames = [Image.fromarray(scene(40, 30)).quantize(32) for _ in range(3)]
    data = saved(im, "GIF", save_all=True, append_images=frames)
    put("animated.gif", data, rgb)


def webps():
    for w, h in [(61, 43), (32, 32), (1, 1), (2, 3)]:
        put(f"lossy_{w}x{h}.webp", saved(Image.fromarray(scene(w, h)), "WEBP", quality=85))
    im = Image.fromarray(scene(61, 43))
    put("lossless.webp", saved(im, "WEBP", lossless=True))
    put("orientation8.webp", saved(im, "WEBP", quality=85, exif=exif(8)))
    alpha = np.tile(np.linspace(0, 255, 61), (43, 1)).astype(np.uint8)
    rgba = np.dstack([np.asarray(im), alpha])
    for name, kw in [("lossless_alpha.webp", {"lossless": True, "exact": True}), ("lossy_alpha.webp", {"quality": 85})]:
        data = saved(Image.fromarray(rgba, "RGBA"), "WEBP", **kw)
        got = np.asarray(Image.open(io.BytesIO(data)))
        put(name, data, over_white(got[..., :3], got[..., 3], 255))


def bmps():
    im = Image.fromarray(scene(37, 21))
    put("rgb24.bmp", saved(im, "BMP"))
    put("gray8.bmp", saved(im.convert("L"), "BMP"))
    put("palette8.bmp", saved(im.quantize(64), "BMP"))
    put("bits1.bmp", saved(im.convert("1"), "BMP"))
    put("rgbx32.bmp", saved(im.convert("RGBA"), "BMP"), np.asarray(im))


def tiffs():
    im = Image.fromarray(scene(37, 21))
    for c in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        put(f"rgb_{c}.tiff", saved(im, "TIFF", compression=c))
    put("gray8.tiff", saved(im.convert("L"), "TIFF"))
    put("palette.tiff", saved(im.quantize(64), "TIFF"))
    put("group4.tiff", saved(im.convert("1"), "TIFF", compression="group4"))
    put("orientation5.tiff", saved(im, "TIFF", tiffinfo={274: 5}))
    v = rng.integers(0, 65536, (21, 37)).astype(np.uint16)
    put("gray16.tiff", saved(Image.fromarray(v), "TIFF"), np.floor(v * (255 / 65535) + 0.5)[..., None].repeat(3, 2))
    a = rng.integers(0, 256, (21, 37), np.uint8)
    rgba = np.dstack([np.asarray(im), a])
    put("rgba.tiff", saved(Image.fromarray(rgba, "RGBA"), "TIFF"), over_white(rgba[..., :3], a, 255))


# Resizes --------------------------------------------------------------------------------------------------

METHODS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "nearest": Image.NEAREST}


def crop(im, short, w, h, method):
    """torchvision's Resize(short) and CenterCrop((h, w))."""
    iw, ih = im.size
    if iw <= ih:
        size = (short, int(short * ih / iw))
    else:
        size = (int(short * iw / ih), short)
    im = im.resize(size, method)
    iw, ih = im.size
    if w > iw or h > ih:
        left, top = (w - iw) // 2 if w > iw else 0, (h - ih) // 2 if h > ih else 0
        right, bottom = (w - iw + 1) // 2 if w > iw else 0, (h - ih + 1) // 2 if h > ih else 0
        im = ImageOps.expand(im, (left, top, right, bottom), 0)
        iw, ih = im.size
    y, x = int(round((ih - h) / 2.0)), int(round((iw - w) / 2.0))
    return im.crop((x, y, x + w, y + h))


def resizes():
    a = scene(61, 43)
    a[:12, :12] = rng.integers(0, 256, (12, 12, 3))  # the cubic's overshoot and every rounding
    a[30:, 40:] = rng.choice([0, 255], (13, 21, 3))
    im = Image.fromarray(a)
    im.save("resize/source.png", optimize=True)
    for name, m in METHODS.items():
        for w, h in [(17, 29), (120, 90), (61, 20), (30, 43), (61, 43), (1, 1), (7, 100), (224, 224)]:
            if name == "nearest" and w == 224:
                continue
            im.resize((w, h), m).save(f"resize/stretch_{w}x{h}_{name}.png", optimize=True)
        for short, w, h in [(32, 28, 28), (31, 28, 28), (28, 28, 28), (29, 28, 41), (20, 40, 24)]:
            crop(im, short, w, h, m).save(f"resize/crop_{short}_{w}x{h}_{name}.png", optimize=True)
        for w, h in [(40, 40), (31, 64), (80, 33)]:
            ImageOps.pad(im, (w, h), m, color=(114, 114, 114)).save(f"resize/letterbox_{w}x{h}_{name}.png", optimize=True)


for make in (jpegs, pngs, gifs, webps, bmps, tiffs, resizes):
    make()
