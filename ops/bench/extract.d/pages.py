"""`pages.py PAGES IMAGE_BYTES OUT`: one PDF of so many pages, each with a page of words and an image of so many bytes."""

import os
import random
import sys

LINES, WORDS = 50, 12
IMAGE_WIDTH = 1000


def content(page):
    """Words that differ from page to page, so that no two texts are the same, below the image."""
    chosen = random.Random(page)
    lines = ("".join(f"{chosen.choice(SYLLABLES)}{chosen.choice(SYLLABLES)} " for _ in range(WORDS)) for _ in range(LINES))
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    return f"q 500 0 0 100 50 720 cm /I Do Q BT /F 8 Tf 11 TL 50 690 Td {shown} ET".encode()


SYLLABLES = [consonant + vowel for consonant in "bcdflmnprstv" for vowel in "aeiou"]


def main():
    pages, image_bytes, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    height = max(1, image_bytes // IMAGE_WIDTH)
    image = random.Random(0).randbytes(IMAGE_WIDTH * height)
    offsets = []
    with open(f"{out}.part", "wb") as file:

        def write(entries, stream=None):
            offsets.append(file.tell())
            length = b"" if stream is None else b"/Length %d" % len(stream)
            body = b"" if stream is None else b"\nstream\n" + stream + b"\nendstream"
            file.write(b"%d 0 obj\n<<%s%s>>%s\nendobj\n" % (len(offsets), entries, length, body))

        file.write(b"%PDF-1.7\n")
        kids = b" ".join(b"%d 0 R" % (4 + 3 * page) for page in range(pages))
        write(b"/Type/Catalog/Pages 2 0 R")
        write(b"/Type/Pages/Count %d/Kids[%s]" % (pages, kids))
        write(b"/Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding")
        for page in range(pages):
            at = len(offsets) + 1
            resources = b"/Resources<</Font<</F 3 0 R>>/XObject<</I %d 0 R>>>>" % (at + 2)
            write(b"/Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R%s" % (at + 1, resources))
            write(b"", content(page))
            size = b"/Width %d/Height %d" % (IMAGE_WIDTH, height)
            write(b"/Type/XObject/Subtype/Image%s/ColorSpace/DeviceGray/BitsPerComponent 8" % size, image)
        start = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
        file.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
        file.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, start))
    os.replace(f"{out}.part", out)


main()
