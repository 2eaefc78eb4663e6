#!/usr/bin/env python3
"""Writes the seed corpora of the fuzz targets: tests/fuzz/corpus/<target>/<good|bad|found>_<what>. Same bytes on every run."""

import gzip
import json
import pathlib
import struct
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def save(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def make_safetensors():
    def put(name, header, data=b""):
        save("safetensors", name, safetensors(header, data))

    put("good_empty", {})
    put("good_metadata", {"__metadata__": {"format": "pt", "k\u00e4y": "v\n"}})
    put("good_scalar", {"s": tensor("I64", [], 0, 8)}, struct.pack("<q", -1))
    put("good_zero_extent", {"z": tensor("F16", [0, 7], 0, 0)})
    put("good_f32", {"layer1.0.weight": tensor("F32", [2, 2], 0, 16)}, struct.pack("<4f", 1, -2, float("inf"), 1e-45))
    widths = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
              "I32": 4, "U32": 4, "F32": 4, "C64": 8, "F64": 8, "I64": 8, "U64": 8}
    header, end = {}, 0
    for dtype, width in widths.items():
        header[dtype.lower()] = tensor(dtype, [3], end, end + 3 * width)
        end += 3 * width
    put("good_every_dtype", header, bytes(range(1, end + 1)))
    put("good_spaces", b'{ "a" : { "shape" : [ 1 ] , "data_offsets":[0,1],"dtype":"U8"} }   ', b"x")
    put("bad_truncated_data", {"w": tensor("F32", [2], 0, 8)}, b"1234567")
    put("bad_extra_data", {"w": tensor("F32", [1], 0, 4)}, b"12345")
    put("bad_overlap", {"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [4], 2, 6)}, b"123456")
    put("bad_hole", {"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 4, 6)}, b"123456")
    put("bad_descending", {"a": tensor("U8", [2], 2, 0)}, b"12")
    put("bad_size", {"a": tensor("F64", [2], 0, 8)}, b"12345678")
    put("bad_huge_shape", {"a": tensor("F32", [1 << 32, 1 << 32], 0, 0)})
    put("bad_huge_extent", {"a": tensor("F32", [1 << 63], 0, 0)})
    put("bad_negative", {"a": tensor("F32", [-1], 0, 4)}, b"1234")
    put("bad_fraction", {"a": tensor("F32", [1.5], 0, 4)}, b"1234")
    put("bad_dtype", {"a": tensor("F31", [1], 0, 4)}, b"1234")
    put("bad_three_offsets", {"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1, 1]}}, b"1")
    put("bad_member", {"a": dict(tensor("U8", [1], 0, 1), more=None)}, b"1")
    put("bad_missing_member", {"a": {"dtype": "U8", "shape": [1]}}, b"1")
    put("bad_duplicate_name", b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}')
    put("bad_duplicate_member", b'{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}')
    put("bad_duplicate_metadata", b'{"__metadata__":{"k":"1","k":"2"}}')
    put("bad_metadata_number", b'{"__metadata__":{"k":1}}')
    put("bad_deep", b'{"a":' + b"[" * 500)
    put("bad_zero_byte", b'{}\x00{}')
    put("bad_utf8", b'{"\xff":{}}')
    put("bad_array", b"[]")
    save("safetensors", "bad_header_length", struct.pack("<Q", 1 << 40) + b"{}")
    save("safetensors", "bad_short", b"1234567")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, extra=b"", interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def make_png():
    palette = chunk(b"PLTE", bytes([1, 2, 3, 200, 100, 50]))
    save("png", "good_grey", png(2, 2, 8, 0, b"\x00\x01\x02\x00\x03\x04"))
    save("png", "good_rgb_filters", png(2, 5, 8, 2, b"".join(bytes([f]) + bytes(range(f, f + 6)) for f in range(5))))
    save("png", "good_grey_1_bit", png(9, 1, 1, 0, b"\x00\xa5\x80"))
    save("png", "good_grey_4_bit_transparent", png(2, 1, 4, 0, b"\x00\x1f", chunk(b"tRNS", b"\x00\x01")))
    save("png", "good_palette", png(4, 1, 1, 3, b"\x00\x50", palette + chunk(b"tRNS", b"\x00")))
    save("png", "good_rgba", png(1, 1, 8, 6, b"\x00\x01\x02\x03\x04"))
    save("png", "good_grey_alpha_16_bit", png(1, 1, 16, 4, b"\x00\x01\x02\x03\x04"))
    save("png", "good_interlaced", png(2, 2, 8, 0, b"\x00\x01\x00\x02\x00\x03\x04", interlace=1))
    save("png", "good_text", png(1, 1, 8, 0, b"\x00\x01", chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"tEXt", b"key\x00text")
                                 + chunk(b"zTXt", b"key\x00\x00" + zlib.compress(b"text"))))
    good = png(2, 2, 8, 0, b"\x00\x01\x02\x00\x03\x04")
    save("png", "bad_truncated", good[:50])
    save("png", "bad_checksum", good[:30] + bytes([good[30] ^ 1]) + good[31:])
    save("png", "good_trailing", good + b"more")
    save("png", "bad_too_wide", png(0x7FFFFFFF, 1, 8, 2, b"\x00"))
    save("png", "bad_too_many_pixels", png(512, 512, 8, 0, b"\x00"))
    save("png", "bad_few_rows", png(2, 2, 8, 0, b"\x00\x01\x02"))
    save("png", "bad_filter", png(1, 1, 8, 0, b"\x09\x01"))
    save("png", "bad_no_palette", png(1, 1, 8, 3, b"\x00\x00"))
    save("png", "bad_palette_index", png(1, 1, 8, 3, b"\x00\xff", palette))
    save("png", "bad_depth", png(1, 1, 3, 0, b"\x00\x00"))
    save("png", "bad_zlib", b"\x89PNG\r\n\x1a\n" + good[8:33] + chunk(b"IDAT", b"not zlib") + chunk(b"IEND", b""))
    save("png", "bad_signature", b"GIF89a" + good[6:])


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def codes(*fields):
    """Fields (value, bits) as a scan's bytes: filled with ones, every ff followed by 00."""
    text = "".join(f"{value:0{bits}b}" for value, bits in fields)
    text += "1" * (-len(text) % 8)
    return bytes(int(text[at:at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00")


def scan(components, data, first=0, last=63, bits=0):
    header = bytes([len(components)]) + b"".join(bytes([c, 0]) for c in components)
    return segment(0xDA, header + bytes([first, last, bits])) + data


def jpeg(width, height, sampling, scans, frame=0xC0, precision=8, before=b"", runs=range(12)):
    """Quantised by 8; the codes of 12 symbols have four bits: sizes 0 to 11 of the mean, `runs` of the frequencies."""
    components = b"".join(bytes([c + 1, s, 0]) for c, s in enumerate(sampling))
    tables = b"".join(segment(0xC4, bytes([kind, 0, 0, 0, 12]) + bytes(12) + bytes(symbols))
                      for kind, symbols in ((0x00, range(12)), (0x10, runs)))
    return (b"\xff\xd8" + before + segment(0xDB, b"\0" + b"\x08" * 64)
            + segment(frame, struct.pack(">BHHB", precision, height, width, len(sampling)) + components)
            + tables + b"".join(scans) + b"\xff\xd9")


def make_jpeg():
    def put(name, content):
        save("jpeg", name, content)

    def adobe(transform):
        return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))

    end = (0, 4)  # of a block
    mean = ((5, 4), (0b10011, 5))  # 19
    block = (*mean, end)
    grey = scan([1], codes(*block))
    colours = scan([1, 2, 3], codes(*block * 3))
    put("good_grey", jpeg(8, 8, [0x11], [grey]))
    put("good_grey_frequencies", jpeg(5, 3, [0x11], [scan([1], codes(*mean, (2, 4), (0b01, 2), (1, 4), (1, 1), end))]))
    put("good_colours", jpeg(8, 8, [0x11] * 3, [colours]))
    put("good_halved_colours", jpeg(16, 16, [0x22, 0x11, 0x11], [scan([1, 2, 3], codes(*block * 6))]))
    put("good_one_scan_a_colour", jpeg(8, 8, [0x11] * 3, [scan([c], codes(*block)) for c in (1, 2, 3)]))
    put("good_rgb", jpeg(8, 8, [0x11] * 3, [colours], before=adobe(0)))
    for name, transform in (("good_cmyk", 0), ("good_ycck", 2)):
        put(name, jpeg(8, 8, [0x11] * 4, [scan([1, 2, 3, 4], codes(*block * 4))], before=adobe(transform)))
    restarts = codes(*block) + b"\xff\xd0" + codes(*block)
    put("good_restarts", jpeg(16, 8, [0x11], [scan([1], restarts)], before=segment(0xDD, b"\0\1")))
    put("good_comment", jpeg(8, 8, [0x11], [grey], before=segment(0xE1, b"Exif\0\0") + segment(0xFE, b"words")))
    put("good_trailing", jpeg(8, 8, [0x11], [grey]) + b"more")
    # The mean without its last bit, that bit, and one frequency.
    progressive = [scan([1], codes((4, 4), (0b1001, 4)), 0, 0, 0x01), scan([1], codes((1, 1)), 0, 0, 0x10),
                   scan([1], codes((1, 4), (1, 1), end), 1, 5)]
    put("good_progressive", jpeg(8, 8, [0x11], progressive, 0xC2))
    put("good_progressive_without_frequencies", jpeg(8, 8, [0x11], progressive[:2], 0xC2))
    put("good_progressive_run_of_ends", jpeg(16, 8, [0x11], [scan([1], codes((4, 4), (9, 4), end), 0, 0, 0x01),
                                                             scan([1], codes((2, 4), (0, 1)), 1, 63)], 0xC2,
                                             runs=[0x00, 0x01, 0x10, *range(2, 11)]))
    good = jpeg(8, 8, [0x11], [grey])
    put("bad_truncated", good[:-4])
    put("bad_no_end", good[:-2])
    put("bad_few_blocks", jpeg(64, 64, [0x11], [grey]))
    put("bad_code", jpeg(8, 8, [0x11], [scan([1], codes((15, 4), (15, 4)))]))
    put("bad_stray_bytes", good[:-2] + b"123" * 9 + good[-2:])
    put("bad_precision", jpeg(8, 8, [0x11], [grey], precision=12))
    put("bad_lossless", jpeg(8, 8, [0x11], [grey], 0xC3))
    put("bad_arithmetic", jpeg(8, 8, [0x11], [grey], 0xC9))
    put("bad_two_components", jpeg(8, 8, [0x11] * 2, [scan([1, 2], codes(*block * 2))]))
    put("bad_component", jpeg(8, 8, [0x11], [scan([7], codes(*block))]))
    put("bad_sampling", jpeg(8, 8, [0x51], [grey]))
    put("bad_width_0", jpeg(0, 8, [0x11], [grey]))
    put("bad_too_wide", jpeg(65500, 1, [0x11], [grey]))
    put("bad_too_many_pixels", jpeg(512, 512, [0x11], [grey]))
    put("bad_too_many_scans", jpeg(8, 8, [0x11], [*progressive[:2], *(scan([1], codes(end), k, k) for k in range(1, 31))],
                                    0xC2))
    put("bad_working_memory", jpeg(256, 256, [0x11] * 4, [scan([1, 2, 3, 4], b"", 0, 0)], 0xC2))
    put("bad_order_of_scans", jpeg(8, 8, [0x11], progressive[::-1], 0xC2))
    put("bad_codes_of_a_table", good.replace(bytes([0x10, 0, 0, 0, 12]), bytes([0x10, 9, 0, 0, 3])))
    put("bad_no_tables", b"\xff\xd8" + good[good.index(b"\xff\xc0"):])
    put("bad_signature", b"GIF89a" + good[6:])
    put("bad_start_alone", good[:3])


def make_gzip():
    def pack(content):
        return gzip.compress(content, 9, mtime=0)

    save("gzip", "good_empty", pack(b""))
    save("gzip", "good_text", pack(b"hello hello hello hello"))
    save("gzip", "good_two_members", pack(b"one ") + pack(b"two"))
    save("gzip", "good_zeros", pack(bytes(100000)))
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflated.compress(b"named") + deflated.flush()
    save("gzip", "good_all_fields", b"\x1f\x8b\x08\x1c\x00\x00\x00\x00\x00\x03" + struct.pack("<H", 4) + b"xtra" + b"name\x00" + b"note\x00"
         + body + struct.pack("<II", zlib.crc32(b"named"), 5))
    good = pack(b"hello hello hello hello")
    save("gzip", "bad_truncated", good[:-3])
    save("gzip", "bad_checksum", good[:-8] + bytes([good[-8] ^ 1]) + good[-7:])
    save("gzip", "bad_length", good[:-1] + b"\x01")
    save("gzip", "bad_trailing", good + b"more")
    save("gzip", "bad_block", good[:10] + b"\xff\xff" + good[12:])
    save("gzip", "bad_bomb", pack(bytes(1 << 20)))
    save("gzip", "bad_method", b"\x1f\x8b\x09" + good[3:])
    save("gzip", "bad_signature", b"PK" + good)


def make_jsonl():
    save("jsonl", "good_steps", b'{"step":1,"loss":0.5}\n{"step":5,"loss":"nan"}\n{"step":6}\n')
    save("jsonl", "good_no_step", b'{"run":"x","nested":{"a":[1,2.5e3,true,null]}}\n{"step":-3}\n')
    save("jsonl", "good_unfinished", b'{"step":1}\n{"step":2,"lo')
    save("jsonl", "good_empty", b"")
    save("jsonl", "bad_array", b"[1]\n")
    save("jsonl", "bad_empty_line", b'{"step":1}\n\n')
    save("jsonl", "bad_step_fraction", b'{"step":1.5}\n')
    save("jsonl", "bad_step_large", b'{"step":18446744073709551615}\n')
    save("jsonl", "bad_step_text", b'{"step":"1"}\n')
    save("jsonl", "bad_utf8", b'{"a":"\xff"}\n')
    save("jsonl", "bad_zero_byte", b'{}\x00\n')
    save("jsonl", "bad_deep", b"[" * 300 + b"\n")


def make_csv():
    save("csv", "good_folder_format", b",G1,G2\n0,0,1\n1,1,0\n")
    save("csv", "good_byte_order_mark", b"\xef\xbb\xbftime,event\r\n1.5,1\r\n-2e3,0")
    save("csv", "good_quotes", b'"a ""b""","c,\nd"\n"","x"\n')
    save("csv", "good_header_only", b"time")
    save("csv", "good_one_column", b"a\n\nNA\n\"\"\n")
    save("csv", "good_numbers", b"a,b,c,d,e\n1e308,-0.0,4.9e-324,inf,0x10\n,+1, 2,1.,.5\n")
    save("csv", "bad_empty", b"")
    save("csv", "bad_short_record", b"a,b\n1\n")
    save("csv", "bad_long_record", b"a,b\n1,2,3\n")
    save("csv", "bad_blank_line", b"a,b\n\n1,2\n")
    save("csv", "bad_duplicate_name", b"a,b,a\n1,2,3\n")
    save("csv", "bad_quote_inside", b'a,b\n1,2"3\n')
    save("csv", "bad_text_after_quote", b'a,b\n"1"2,3\n')
    save("csv", "bad_open_quote", b'a,b\n"1,2\n')
    save("csv", "bad_carriage_return", b"a,b\r1,2\r")
    save("csv", "bad_zero_byte", b"a,b\n1,\x00\n")
    # Found by the fuzzer: each reaches code that the others do not.
    found = [
        b'\x00',
        b'\r',
        b'"',
        b',',
        b'\n\t',
        b'\n\\',
        b'"\x00',
        b'""',
        b"\n'\t",
        b'\n\xf5\x9d',
        b'""\r',
        b'\xef\xbb\xbf',
        b'\nN/A',
        b'\nNaN',
        b'\n\\\\\\\\',
        b'"\xef\xbb\xbf"',
        b'\n\n0\n\n\n',
        b'\x9f\xd3\x9d\xd3\n\x8a',
        b'"a""","c"""x',
        b',""""\n"\n""N)"',
        b',G4rr$rrrrrr6666',
        b'4rrrrrr666666666',
        b'"""","c""",""""c,"',
        b'"\x9e\xef\xbb\xbfb""\n\x9c\xb0\xb0\xb0\xb0\xb0\xb0\xb0\xf5\xdd"',
        b'"a ""","c,\nb""","b""","~,""",",\nx"\n',
        b'a,b,c,s\xffR943,2e3,243,00-,4.,93,2-4,px05,4m2,4,',
    ]
    for number, content in enumerate(found):
        save("csv", f"found_{number:02d}", content)


if __name__ == "__main__":
    make_safetensors()
    make_png()
    make_jpeg()
    make_gzip()
    make_jsonl()
    make_csv()
