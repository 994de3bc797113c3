"""`seeds.py OUT FOLDER...`: what the fuzz targets begin with, taken from the PDFs of the folders.

OUT/reader gets small files whole; OUT/tokenizer, OUT/cmap and OUT/font get their content streams, CMaps and font
programs, inflated. Runs in the virtual environment of ops/bench, which has PyMuPDF.
"""

import hashlib
import re
import sys
from pathlib import Path

import pymupdf

# Larger inputs slow a fuzzer down more than they teach it.
FILE_BYTES, STREAM_BYTES = 100_000, 30_000

REFERENCES = {
    "cmap": re.compile(r"/(?:ToUnicode|Encoding) (\d+) 0 R"),
    "font": re.compile(r"/FontFile[23]? (\d+) 0 R"),
    "tokenizer": re.compile(r"/Contents (?:\[ ?)?(\d+) 0 R"),
}


def keep(folder, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def streams(document):
    """(target, inflated stream) for every stream that is what a target reads."""
    for number in range(1, document.xref_length()):
        try:
            text = document.xref_object(number, compressed=True)
        except RuntimeError:
            continue
        for target, reference in REFERENCES.items():
            for found in reference.findall(text.replace("\n", " ")):
                try:
                    if document.xref_is_stream(int(found)):
                        yield target, document.xref_stream(int(found))
                except (RuntimeError, ValueError):
                    pass


def main():
    out, *folders = map(Path, sys.argv[1:])
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    for file in sorted(path for folder in folders for path in folder.glob("**/*.pdf")):
        if file.stat().st_size <= FILE_BYTES:
            keep(out / "reader", file.read_bytes())
        try:
            with pymupdf.open(file) as document:
                for target, data in streams(document):
                    if data and len(data) <= STREAM_BYTES:
                        keep(out / target, data)
        except (RuntimeError, ValueError):
            continue


main()
