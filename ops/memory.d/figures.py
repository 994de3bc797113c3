"""Small things that the other files share."""

import hashlib

MIB = 1 << 20


def md5_of(file):
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "md5").hexdigest()


def mib(count):
    return f"{count / MIB:.0f} MiB"
