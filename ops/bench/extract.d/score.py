"""Scores extracted text against reference text.

As a program, `score.py REFERENCE_DIR EXTRACTED_DIR...` prints {EXTRACTED_DIR: {NAME.txt: [words, order, lines]}} as
JSON, with the files of the reference; a missing file scores 0. It wants rapidfuzz, so it runs in the virtual
environment of the peers.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

WORD = re.compile(r"\w+")


def shared(ours, theirs):
    """F1 of two bags: 1.0 when both hold the same things equally often, in whatever order."""
    total = len(ours) + len(theirs)
    return 2 * (Counter(ours) & Counter(theirs)).total() / total if total else 1.0


def lines(text):
    """Its lines that are not empty, white space folded."""
    return [folded for line in text.splitlines() if (folded := " ".join(line.split()))]


def score(extracted, reference):
    """(words, order, lines), each 0..1: F1 of the words, Indel similarity of their sequence, F1 of the lines."""
    from rapidfuzz.distance import Indel

    ours, theirs = WORD.findall(extracted), WORD.findall(reference)
    order = Indel.normalized_similarity(ours, theirs)
    return shared(ours, theirs), order, shared(lines(extracted), lines(reference))


def score_folder(extracted, reference):
    scores = {}
    for wanted in sorted(reference.glob("*.txt")):
        got = extracted / wanted.name
        texts = [path.read_text("utf-8", "replace") for path in (got, wanted) if path.exists()]
        scores[wanted.name] = score(*texts) if len(texts) == 2 else (0.0, 0.0, 0.0)
    return scores


def main():
    reference, *extracted = map(Path, sys.argv[1:])
    json.dump({str(folder): score_folder(folder, reference) for folder in extracted}, sys.stdout)


if __name__ == "__main__":
    main()
