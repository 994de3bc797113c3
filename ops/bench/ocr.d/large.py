"""`large.py OUT`: a PDF of one A3 page of drawn text, scanned at 600 dpi: 7016 x 9921 grey pixels.

The letters are blocks of pixels, because nothing but the standard library is at hand; what it costs to read is the
same. Every row of letters is compressed once and stands in the image many times.
"""

import random
import sys
import zlib

WIDTH, HEIGHT = 7016, 9921
# Five by seven pixels each, as on the displays of old.
GLYPHS = {
    "A": "01110100011000111111100011000110001", "E": "11111100001000011110100001000011111", "O": "01110100011000110001100011000101110",
    "I": "11111001000010000100001000010011111", "L": "10000100001000010000100001000011111", "R": "11110100011000111110101001001010001",
    "S": "01111100001000001110000010000111110", "T": "11111001000010000100001000010000100", "D": "11110100011000110001100011000111110",
}
DOT, LINE, MARGIN = 8, 104, 400


def line(words):
    """Rows of grey of one line of text."""
    rows = [bytearray(b"\xf0" * WIDTH) for _ in range(LINE)]
    left = MARGIN
    for letter in " ".join(words):
        for place, is_ink in enumerate(GLYPHS.get(letter, "0" * 35)):
            if is_ink == "1":
                x, y = left + place % 5 * DOT, 24 + place // 5 * DOT
                for row in rows[y : y + DOT]:
                    row[x : x + DOT] = b"\x20" * DOT
        left += 6 * DOT
    return b"".join(bytes(row) for row in rows)


def image():
    chosen = random.Random(6)
    syllables = ["TO", "DA", "RE", "SO", "LI", "ATA", "EDITAL", "SEDE", "TASA", "ORDEM"[:3]]
    known = [line(["".join(chosen.choices(syllables, k=2)) for _ in range(16)]) for _ in range(20)]
    packer = zlib.compressobj(6)
    rows = 0
    while rows + LINE <= HEIGHT - MARGIN:
        yield packer.compress(chosen.choice(known))
        rows += LINE
    yield packer.compress(b"\xf0" * WIDTH * (HEIGHT - rows)) + packer.flush()


def main():
    data = b"".join(image())
    content = b"q 842 0 0 1191 0 0 cm /I Do Q"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 842 1191]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content),
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream"
        % (WIDTH, HEIGHT, len(data), data),
    ]
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    with open(sys.argv[1], "wb") as file:
        file.write(out)


main()
