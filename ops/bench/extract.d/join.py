"""`join.py PAGES OUT FILE...`: one PDF of that many pages, made of the files' pages, from the first file again after the last."""

import itertools
import os
import sys

import pymupdf


def main():
    pages, out, *files = sys.argv[1:]
    pages = int(pages)
    with pymupdf.open() as joined:
        for file in itertools.cycle(files):
            with pymupdf.open(file) as part:
                last = min(part.page_count, pages - joined.page_count) - 1
                joined.insert_pdf(part, to_page=last, links=False, annots=False)
            if joined.page_count >= pages:
                break
        joined.save(f"{out}.part")
    os.replace(f"{out}.part", out)


main()
