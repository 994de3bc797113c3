"""`read_with.py LIBRARY OUT FILE...`: OUT/STEM.txt for each STEM.pdf, as `prelo extract --out` does, by a library of Python.

A file that fails is named on standard error, the others are written, and the exit status is 3. Pages end with U+000C.
"""

import sys
from pathlib import Path


def mupdf():
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)

    def read(path):
        with pymupdf.open(path) as document:
            return "\f".join(page.get_text() for page in document)

    return read


def pdfium():
    import pypdfium2

    def read(path):
        document = pypdfium2.PdfDocument(path)
        pages = []
        # Closed one by one: left to the collector, every page's objects would stay until the end.
        for page in document:
            text = page.get_textpage()
            pages.append(text.get_text_range())
            text.close()
            page.close()
        document.close()
        return "\f".join(pages)

    return read


LIBRARIES = {"mupdf": mupdf, "pdfium": pdfium}


def main():
    library, out, *files = sys.argv[1:]
    read = LIBRARIES[library]()
    failed = False
    for file in files:
        try:
            text = read(file)
        except Exception as error:  # whatever a library raises is that file's failure
            print(f"{file}: {error}", file=sys.stderr)
            failed = True
            continue
        Path(out, Path(file).stem).with_name(Path(file).stem + ".txt").write_text(text, "utf-8", "replace")
    sys.exit(3 if failed else 0)


main()
