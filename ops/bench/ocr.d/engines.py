"""Who reads scans, and the command for it: each reads one PDF a call, and two calls run at a time.

All use the Tesseract of this machine with the same language and one thread a process, so what differs is the picture
that it is given, and what is done around it.
"""

import os
import shlex
import shutil
import subprocess

import peers

LANGUAGE = os.environ.get("OCR_LANGUAGE", "por")
PROCESSES = 2

# $0: the folder of texts, $1: a PDF. Each page's text ends with a form feed, as Tesseract writes it.
OCRMYPDF = f"""
stem=${{1##*/}}; stem=${{stem%.*}}; work=$(mktemp -d)
ocrmypdf --quiet --skip-text --jobs 1 --output-type pdf --optimize 0 -l {LANGUAGE} --sidecar "$work/text" "$1" "$work/pdf" &&
  if grep -q 'OCR skipped' "$work/text"; then pdftotext "$work/pdf" "$0/$stem.txt"; else cp "$work/text" "$0/$stem.txt"; fi
status=$?; rm -r "$work"; exit $status
"""
PDFIMAGES = f"""
stem=${{1##*/}}; stem=${{stem%.*}}; work=$(mktemp -d); : > "$0/$stem.txt"
dpi=$(pdfimages -list "$1" | awk 'NR == 3 {{ print $13 }}')
pdfimages -j -tiff "$1" "$work/i"
for image in "$work"/i*; do tesseract "$image" stdout -l {LANGUAGE} --dpi "${{dpi:-300}}" >> "$0/$stem.txt" 2> /dev/null; done
rm -r "$work"
"""
PDFTOPPM = f"""
stem=${{1##*/}}; stem=${{stem%.*}}; work=$(mktemp -d); : > "$0/$stem.txt"
pdftoppm -r 300 -gray "$1" "$work/p"
for image in "$work"/p*; do tesseract "$image" stdout -l {LANGUAGE} --dpi 300 >> "$0/$stem.txt" 2> /dev/null; done
rm -r "$work"
"""


def version(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as missing:
        raise peers.NotInstalled(f"there is no {missing.filename} on this machine") from None
    return (done.stdout or done.stderr).splitlines()[0].strip()


def needed(*programs):
    for program in programs:
        if not shutil.which(program):
            raise peers.NotInstalled(f"there is no {program} on this machine (on Debian: apt-get install ocrmypdf tesseract-ocr tesseract-ocr-{LANGUAGE} poppler-utils)")


def two_at_once(name, told, script):
    """`command + [OUT, FILE...]`, two files at a time."""
    each = shlex.join(["/bin/sh", "-c", script])
    # xargs puts the file after the folder, which becomes $0.
    outer = f'out=$0; printf "%s\\0" "$@" | xargs -0 -n 1 -P {PROCESSES} {each} "$out"'
    return peers.Reader(name, told, ["/bin/sh", "-c", outer], env={"OMP_THREAD_LIMIT": "1"})


def ocrmypdf():
    needed("ocrmypdf", "tesseract", "pdftotext")
    return two_at_once("ocrmypdf", f"OCRmyPDF {version(['ocrmypdf', '--version'])}", OCRMYPDF)


def pdfimages():
    needed("pdfimages", "tesseract")
    return two_at_once("pdfimages", version(["pdfimages", "-v"]), PDFIMAGES)


def pdftoppm():
    needed("pdftoppm", "tesseract")
    return two_at_once("pdftoppm", version(["pdftoppm", "-v"]), PDFTOPPM)


def prelo():
    built = peers.prelo(PROCESSES)
    command = [built.command[0], "extract", "--ocr", "auto", "--threads", str(PROCESSES), "--out"]
    return peers.Reader("prelo", built.version, command)


ENGINES = {"ocrmypdf": ocrmypdf, "pdfimages": pdfimages, "pdftoppm": pdftoppm}
