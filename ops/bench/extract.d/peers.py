"""Who is measured, how each is installed, and the command that reads files with it.

Everything is installed under CACHE, outside the clone, and used again.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLONE = HERE.parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prelo"
BENCH = CACHE / "bench"
VENV = BENCH / "venv"
PYTHON = VENV / "bin" / "python"
RUST_TARGET = BENCH / "peers"

# Other people may be building on this machine, and no build is what is measured.
NICE = ["nice", "-n", "10"]

# pdftotext reads one file a process.
POPPLER = 'out=$0; failed=0; for file; do stem=${file##*/}; pdftotext "$file" "$out/${stem%.*}.txt" || failed=3; done; exit $failed'


@dataclass(frozen=True)
class Reader:
    """A program that reads PDFs: `command + [OUT, FILE...]` writes OUT/STEM.txt for each STEM.pdf, on one thread."""

    name: str
    version: str
    command: list[str]
    # It only loads the files: its output is no text and has no score.
    loads_only: bool = False
    env: dict[str, str] = field(default_factory=dict)


class NotInstalled(Exception):
    """Why a reader cannot take part."""


def quiet(command, **options):
    """Runs an installer; what it says is shown only when it fails."""
    try:
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    except FileNotFoundError as missing:
        raise NotInstalled(f"there is no {missing.filename} on this machine") from None
    if done.returncode != 0:
        raise NotInstalled(f"{' '.join(map(str, command))} failed:\n{done.stdout.strip()[-2000:]}")
    return done.stdout


def install_python():
    """The virtual environment of the peers and of the scorer, made anew when requirements.txt has changed."""
    wanted = (HERE / "requirements.txt").read_text()
    stamp = VENV / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing the peers from PyPI into {VENV}", file=sys.stderr)
    quiet([sys.executable, "-m", "venv", "--clear", VENV])
    quiet([*NICE, VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt"])
    stamp.write_text(wanted)


def pinned(requirement):
    """The version that requirements.txt names."""
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{requirement}=="))


def install_rust():
    """The peers that are Rust libraries, each as a program. Cargo does nothing when they are there."""
    if not RUST_TARGET.exists():
        print(f"building the peers in Rust into {RUST_TARGET} (some minutes)", file=sys.stderr)
    manifest = HERE.parent / "peers" / "Cargo.toml"
    environment = {**os.environ, "CARGO_TARGET_DIR": str(RUST_TARGET)}
    quiet([*NICE, "cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest], env=environment, cwd=CLONE)


def rust_version(crate):
    """The version that the lock file names; the newest, when a peer brings an older one of the same crate."""
    blocks = (HERE.parent / "peers" / "Cargo.lock").read_text().split("[[package]]")
    versions = [block.split('version = "')[1].split('"')[0] for block in blocks if f'name = "{crate}"\n' in block]
    return max(versions, key=lambda version: [int(part) for part in version.split(".")])


def mupdf():
    install_python()
    return Reader("mupdf", f"PyMuPDF {pinned('PyMuPDF')}", [PYTHON, HERE / "read_with.py", "mupdf"])


def pdfium():
    install_python()
    return Reader("pdfium", f"pypdfium2 {pinned('pypdfium2')}", [PYTHON, HERE / "read_with.py", "pdfium"])


def poppler():
    if not shutil.which("pdftotext"):
        raise NotInstalled("there is no pdftotext on this machine (on Debian: apt-get install poppler-utils)")
    said = subprocess.run(["pdftotext", "-v"], capture_output=True, text=True).stderr
    return Reader("poppler", said.splitlines()[0], ["/bin/sh", "-c", POPPLER])


def rust(program, crate, **options):
    def peer():
        install_rust()
        return Reader(program, f"{crate} {rust_version(crate)}", [RUST_TARGET / "release" / program], **options)

    return peer


PEERS = {
    "mupdf": mupdf,
    "pdfium": pdfium,
    "poppler": poppler,
    "lopdf-load": rust("lopdf-load", "lopdf", loads_only=True),
    "lopdf-text": rust("lopdf-text", "lopdf"),
    "pdf-extract": rust("pdf-extract", "pdf-extract"),
    "pdf-oxide": rust("pdf-oxide", "pdf_oxide"),
}


def prelo(threads=1):
    """prelo at the path in PRELO, else built from this clone in release mode. Without OCR, which no peer does."""
    path = os.environ.get("PRELO")
    if not path:
        target = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
        quiet(
            [*NICE, "cargo", "build", "--quiet", "--release", "--locked", "--bin", "prelo"],
            env={**os.environ, "CARGO_TARGET_DIR": str(target)},
            cwd=CLONE,
        )
        path = target / "release" / "prelo"
    path = Path(path).resolve()
    if not os.access(path, os.X_OK):
        raise NotInstalled(f"{path} is no program: set PRELO to a release build of prelo, or leave it unset")
    version = quiet([path, "--version"]).splitlines()[0].strip()
    return Reader("prelo", version, [path, "extract", "--out"], env={"PRELO_EXTRACTION_THREADS": str(threads), "PRELO_OCR": "off"})
