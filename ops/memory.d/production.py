"""The production path: real PostgreSQL, S3 and OpenSearch, as `ops/servers env` names them."""

import json
import os
import subprocess
import urllib.request
from urllib.parse import parse_qs, urlsplit, urlunsplit

from figures import md5_of

TERRITORIES = (("2704302", "Maceió", "AL", "Alagoas"), ("3106200", "Belo Horizonte", "MG", "Minas Gerais"))


class Missing(Exception):
    """There are no servers."""


def variable(name):
    try:
        return os.environ[name]
    except KeyError:
        raise Missing(f'{name} is not set: `ops/servers start`, then `eval "$(ops/servers env)"`') from None


class World:
    name = "production"

    def __init__(self, work):
        self.name_there = f"prelo-memory-{os.getpid()}"
        self.admin = variable("PRELO_TEST_CATALOG")
        storage = urlsplit(variable("PRELO_TEST_STORAGE"))
        self.endpoint = parse_qs(storage.query)["endpoint"][0]
        self.key, self.secret = variable("PRELO_TEST_S3_ACCESS_KEY"), variable("PRELO_TEST_S3_ACCESS_SECRET")
        index = urlsplit(variable("PRELO_TEST_INDEX").removeprefix("opensearch+"))
        self.opensearch = f"{index.scheme}://{index.netloc}"
        self.work = work / "production"
        self.work.mkdir()
        self.database = urlunsplit(urlsplit(self.admin)._replace(path=f"/{self.name_there}"))
        self.sql(f'CREATE DATABASE "{self.name_there}"', self.admin)
        self.s3("PUT", "")

    def sql(self, statements, database=None):
        """What psql prints, unaligned."""
        command = ["psql", "--no-psqlrc", "-qtA", "-v", "ON_ERROR_STOP=1", "-d", database or self.database]
        done = subprocess.run(command, input=statements, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    def s3(self, method, key, file=None):
        command = ["curl", "-sSf", "--aws-sigv4", "aws:amz:us-east-1:s3", "--config", "-", "-X", method, "-o", os.devnull]
        command += ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
        command += ["-T", str(file)] if file else []
        # The secret comes on standard input: arguments are for everybody to read.
        user = f'user = "{self.key}:{self.secret}"\n'
        subprocess.run([*command, f"{self.endpoint}/{self.name_there}/{key}"], input=user, text=True, check=True)

    def search(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.opensearch}/{path}", method=method, data=json.dumps(body).encode() if body else None, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def upload(self, files):
        """Each under two territories, which get their rows. prelo has made the tables."""
        self.sql(f"INSERT INTO territories VALUES {', '.join(map(str, TERRITORIES))}")
        for file in files:
            for territory, *_ in TERRITORIES:
                self.s3("PUT", f"{territory}/{file.name}", file)

    def fill(self, files, count):
        """Rows that share the files."""
        self.upload(files)
        rows = []
        sums = [md5_of(file) for file in files]
        for n in range(count):
            file, (territory, *_) = n % len(files), TERRITORIES[n // len(files) % 2]
            # One day for each turn: territory, date and checksum are unique together.
            rows.append(f"{territory}\t{n // len(files)}\t{sums[file]}\t{territory}/{files[file].name}")
        self.sql(
            "CREATE TEMPORARY TABLE wanted (territory text, day integer, checksum text, path text);\n"
            "COPY wanted FROM STDIN;\n" + "\n".join(rows) + "\n\\.\n"
            "INSERT INTO gazettes (date, edition_number, is_extra_edition, power, file_checksum, file_path, file_url, scraped_at,"
            " created_at, territory_id) SELECT date '1990-01-01' + day, '7', false, 'executive', checksum, path,"
            " 'http://scraped.example/x.pdf', now(), now(), territory FROM wanted ORDER BY day, path;"
        )

    def fill_with_rows(self, files, count):
        """Pending rows whose files are there."""
        self.upload(files)
        sums = ", ".join(f"({n}, '{md5_of(file)}', '{TERRITORIES[0][0]}/{file.name}')" for n, file in enumerate(files))
        self.sql(
            "INSERT INTO gazettes (date, edition_number, is_extra_edition, power, file_checksum, file_path, file_url, scraped_at,"
            f" created_at, territory_id) SELECT date '0001-01-01' + n / {len(files)}, '7', false, 'executive', checksum, path,"
            f" 'http://scraped.example/x.pdf', now(), now(), '{TERRITORIES[0][0]}' FROM generate_series(0, {count - 1}) AS n"
            f" JOIN (VALUES {sums}) AS file (number, checksum, path) ON file.number = n % {len(files)} ORDER BY n;\n"
            "ANALYZE gazettes;"
        )

    def options(self):
        return ["--data", self.work / "data"]

    def env(self):
        return {
            "PRELO_CATALOG": self.database,
            "PRELO_STORAGE": f"s3://{self.name_there}?endpoint={self.endpoint}&region=us-east-1",
            "PRELO_S3_ACCESS_KEY": self.key,
            "PRELO_S3_ACCESS_SECRET": self.secret,
            "PRELO_INDEX": f"opensearch+{self.opensearch}/{self.name_there}",
        }

    def marked(self):
        return int(self.sql("SELECT count(*) FROM gazettes WHERE processed"))

    def documents(self):
        self.search("POST", f"{self.name_there}/_refresh")
        return self.search("GET", f"{self.name_there}/_count")["count"]

    def close(self):
        """Removes database and index; what is in the bucket goes with the servers' folder."""
        self.sql(f'DROP DATABASE "{self.name_there}" WITH (FORCE)', self.admin)
        for version in (1, 2):
            try:
                self.search("DELETE", f"{self.name_there}-{version:06}")
            except OSError:
                pass  # it was never made
