#!/usr/bin/env python3
"""Makes byte_operations.json: what Pillow makes of an image by each operation of RandAugment (and by rotations).
Run by hand; needs Pillow (written with 13.0).
"""

import json
import pathlib

import PIL
from PIL import Image, ImageEnhance, ImageOps

WIDTH, HEIGHT = 20, 17


def value(c, y, x):
    return (20 + 6 * x + 3 * y + 40 * c + x * y * 7 % 29) % 181 + 10


def affine(image, coefficients):
    return image.transform(image.size, Image.AFFINE, coefficients)


OPERATIONS = {
    "stretch_contrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "posterize": lambda image, v: ImageOps.posterize(image, int(v)),
    "solarize": lambda image, v: ImageOps.solarize(image, v),
    "scale_brightness": lambda image, v: ImageEnhance.Brightness(image).enhance(v),
    "scale_contrast": lambda image, v: ImageEnhance.Contrast(image).enhance(v),
    "scale_color": lambda image, v: ImageEnhance.Color(image).enhance(v),
    "scale_sharpness": lambda image, v: ImageEnhance.Sharpness(image).enhance(v),
    "rotate": lambda image, v: image.rotate(v),
    "shear_x": lambda image, v: affine(image, (1, v, 0, 0, 1, 0)),
    "shear_y": lambda image, v: affine(image, (1, 0, 0, v, 1, 0)),
    "translate_x": lambda image, v: affine(image, (1, 0, v, 0, 1, 0)),
    "translate_y": lambda image, v: affine(image, (1, 0, 0, 0, 1, v)),
}
MAGNITUDES = {
    "stretch_contrast": [0], "equalize": [0], "posterize": [4, 7], "solarize": [0, 77.3, 256],
    "scale_brightness": [0.05, 0.637], "scale_contrast": [0.05, 0.637], "scale_color": [0.05, 0.637],
    "scale_sharpness": [0.05, 0.637], "rotate": [-30, -7.3, 0, 12.8, 29.9], "shear_x": [-0.3, 0.17],
    "shear_y": [-0.3, 0.17], "translate_x": [-6, 4.7], "translate_y": [-5.1, 0.3],
}


def planar(image):
    pixels = image.tobytes()
    return bytes(pixels[3 * i + c] for c in range(3) for i in range(WIDTH * HEIGHT)).hex()


def main():
    pixels = [value(c, y, x) for y in range(HEIGHT) for x in range(WIDTH) for c in range(3)]
    image = Image.frombytes("RGB", (WIDTH, HEIGHT), bytes(pixels))
    cases = [
        {"operation": name, "magnitude": v, "result": planar(operation(image, v))}
        for name, operation in OPERATIONS.items() for v in MAGNITUDES[name]
    ]
    result = {"made_with": "Pillow " + PIL.__version__, "width": WIDTH, "height": HEIGHT, "image": planar(image), "cases": cases}
    target = pathlib.Path(__file__).with_name("byte_operations.json")
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
