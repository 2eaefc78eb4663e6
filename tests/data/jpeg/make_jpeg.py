#!/usr/bin/env python3
"""Writes this folder: JPEG files by Pillow, and what Pillow decodes of each as a PNG file of the same name.

Usage: make_jpeg.py   (needs NumPy and Pillow; the files here are of Pillow 13.0.0 with libjpeg-turbo 3.2.0)
"""

import io
import pathlib

import numpy
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT = 37, 29  # ends within blocks of 8 and of 16


def picture(channels):
    """Slopes, an edge, a fine grating and noise, so that all frequencies occur and values are cut at both ends."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    noise = numpy.random.default_rng(5).normal(0, 12, (HEIGHT, WIDTH, channels))
    planes = [x * 7 * (c + 1) % 290 - 20 + 60 * ((x + 2 * y) % 23 < 9) + 25 * numpy.cos((2 + c) * x) * numpy.sin(y * 2.3)
              for c in range(channels)]
    return numpy.clip(numpy.stack(planes, -1) + noise, 0, 255).astype(numpy.uint8)


def encoded(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def save(name, file):
    (FOLDER / f"{name}.jpg").write_bytes(file)
    image = Image.open(io.BytesIO(file))
    image.convert("L" if image.mode == "L" else "RGB").save(FOLDER / f"{name}.png", optimize=True)


def main():
    grey, rgb, inks = Image.fromarray(picture(1)[..., 0]), Image.fromarray(picture(3)), Image.fromarray(picture(4), "CMYK")
    save("grey", encoded(grey, quality=90))
    save("grey_progressive", encoded(grey, quality=75, progressive=True))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        save(f"rgb_{name}", encoded(rgb, quality=85, subsampling=subsampling))
    save("rgb_coarse", encoded(rgb, quality=5, subsampling=2))
    save("rgb_progressive", encoded(rgb, quality=85, subsampling=2, progressive=True))
    save("rgb_restarts", encoded(rgb, quality=85, subsampling=2, restart_marker_blocks=2, optimize=True))
    save("rgb_untransformed", encoded(rgb, quality=85, keep_rgb=True))
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: to be turned by 90 degrees
    save("rgb_turned", encoded(rgb, quality=85, exif=turned))
    cmyk = encoded(inks, quality=85)
    save("cmyk", cmyk)
    adobe = cmyk.index(b"Adobe") + 11  # the transform: 2 makes the same codes YCCK
    save("ycck", cmyk[:adobe] + b"\x02" + cmyk[adobe + 1:])


if __name__ == "__main__":
    main()
