"""Files that want much memory, made here: large honest ones, and bombs. ISO 32000-1, 7.3 to 7.5, says how a PDF is written."""

import random
import zlib

MB = 1_000_000
WORDS = "o município torna público que fica aberta a licitação na modalidade pregão eletrônico para registro de preços".encode("latin-1").split()


class Pdf:
    """Writes objects one after the other, so that no file is ever in memory as a whole."""

    def __init__(self, path):
        self.out = path.open("wb")
        self.offsets = {}
        self.next = 3
        self.out.write(b"%PDF-1.7\n")
        self.font = self.add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>")

    def reserve(self):
        self.next += 1
        return self.next - 1

    def add(self, body, number=None):
        number = number or self.reserve()
        self.offsets[number] = self.out.tell()
        self.out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        return number

    def stream(self, data, entries=b""):
        return self.add(b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data))

    def flate(self, data, entries=b""):
        return self.stream(zlib.compress(data), b"/Filter /FlateDecode " + entries)

    def page(self, contents, resources=b""):
        font = b"/Font << /F1 %d 0 R >>" % self.font
        return self.add(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << %s %s >> /Contents [%s] >>"
            % (font, resources, b" ".join(b"%d 0 R" % number for number in contents))
        )

    def close(self, pages):
        self.add(b"<< /Type /Catalog /Pages 2 0 R >>", 1)
        self.add(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), b" ".join(b"%d 0 R" % page for page in pages)), 2)
        table = self.out.tell()
        self.out.write(b"xref\n0 %d\n0000000000 65535 f \n" % self.next)
        for number in range(1, self.next):
            at = self.offsets.get(number)
            self.out.write(b"%010d 00000 n \n" % at if at else b"0000000000 65535 f \n")
        self.out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (self.next, table))
        self.out.close()


def line(text):
    return b"BT /F1 10 Tf 40 800 Td (%s) Tj ET\n" % text


def images(path, megabytes=490):
    """A page for each MB, with a line of text and a picture that cannot be compressed."""
    noise = random.Random(1)
    pdf, pages = Pdf(path), []
    for number in range(megabytes):
        picture = noise.randbytes(MB - 800)
        entries = b"/Type /XObject /Subtype /Image /Width 999 /Height 999 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode"
        image = pdf.stream(picture, entries)
        text = pdf.stream(line(b"Diario Oficial, pagina %d" % number) + b"q 595 0 0 842 0 0 cm /I Do Q\n")
        pages.append(pdf.page([text], b"/XObject << /I %d 0 R >>" % image))
    pdf.close(pages)


def page_of_text(words, lines):
    shown = (b"(%s) Tj T*\n" % b" ".join(words.choices(WORDS, k=14)) for _ in range(lines))
    return b"BT /F1 8 Tf 9 TL 40 800 Td\n" + b"".join(shown) + b"ET\n"


def text(path, megabytes=300):
    """Pages of text that is not compressed: about as many bytes of text as of file."""
    words = random.Random(2)
    drawn = [page_of_text(words, 85) for _ in range(64)]
    pdf, pages = Pdf(path), []
    while pdf.out.tell() < megabytes * MB:
        pages.append(pdf.page([pdf.stream(drawn[len(pages) % len(drawn)])]))
    pdf.close(pages)


def pictures_and_text(path, megabytes=300):
    """The same size, but the text of an ordinary gazette of 6,000 pages beside its pictures."""
    words, noise = random.Random(3), random.Random(4)
    drawn = [page_of_text(words, 60) for _ in range(64)]
    pdf, pages = Pdf(path), []
    while pdf.out.tell() < megabytes * MB:
        entries = b"/Type /XObject /Subtype /Image /Width 220 /Height 220 /ColorSpace /DeviceGray /BitsPerComponent 8"
        image = pdf.stream(noise.randbytes(220 * 220), entries)
        pages.append(pdf.page([pdf.flate(drawn[len(pages) % len(drawn)])], b"/XObject << /I %d 0 R >>" % image))
    pdf.close(pages)


def bomb_of_operators(path):
    """50 KB that inflate to 50 MB of the smallest operators: a list of them would take gigabytes."""
    pdf = Pdf(path)
    pdf.close([pdf.page([pdf.flate(b"q Q " * (50 * MB // 4))])])


def bomb_of_text(path):
    """A page below every bound on streams and operators that is all text."""
    pdf = Pdf(path)
    pdf.close([pdf.page([pdf.flate(b"BT /F1 1 Tf\n" + b"(aaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj\n" * (30 * MB // 34) + b"ET")])])


def bomb_in_a_chain(path):
    """Two filters, one after the other: 2 KB become a GB."""
    pack = zlib.compressobj(9)
    once = b"".join([*(pack.compress(bytes(MB)) for _ in range(1000)), pack.flush()])
    pdf = Pdf(path)
    pdf.close([pdf.page([pdf.stream(zlib.compress(once, 9), b"/Filter [/FlateDecode /FlateDecode]")])])


def bomb_of_objects(path):
    """An object stream that inflates to a GB."""
    pack = zlib.compressobj(9)
    packed = b"".join([pack.compress(b"9 0 << >> "), *(pack.compress(b" " * MB) for _ in range(1000)), pack.flush()])
    pdf = Pdf(path)
    pdf.stream(packed, b"/Filter /FlateDecode /Type /ObjStm /N 1 /First 4")
    pdf.close([pdf.page([pdf.stream(line(b"Diario Oficial"))])])


def twenty_bombs(path):
    """Twenty pages, each with 30 MB in 30 KB: each below the bound of a stream, all of them far beyond any memory."""
    pdf = Pdf(path)
    pdf.close([pdf.page([pdf.flate(b"%d 0 m " % n * (30 * MB // 6))]) for n in range(20)])


def deep_tree(path):
    """A page tree that is 60,000 levels deep."""
    pdf = Pdf(path)
    page = pdf.page([pdf.stream(line(b"Diario Oficial"))])
    for _ in range(60_000):
        page = pdf.add(b"<< /Type /Pages /Parent 2 0 R /Count 1 /Kids [%d 0 R] >>" % page)
    pdf.close([page])


CASES = [
    ("490 MB of pictures, four at once", images, 4),
    ("300 MB of text", text, 1),
    ("300 MB of pictures and text", pictures_and_text, 1),
    ("bomb: 50 MB of operators in 50 KB", bomb_of_operators, 1),
    ("bomb: one page of 30 MB of text", bomb_of_text, 1),
    ("bomb: two filters, 1 GB", bomb_in_a_chain, 1),
    ("bomb: object stream, 1 GB", bomb_of_objects, 1),
    ("bomb: twenty pages of 30 MB", twenty_bombs, 1),
    ("page tree 60,000 deep", deep_tree, 1),
]
