"""What the pages take for granted on servers: a database that scrapers fill, a bucket, and what another service has indexed; on the
servers that `ops/servers env` names."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

# Names of the pages; an index with an alias before one of the name of the alias.
DATABASES = ("gazettes", "prelo_trial")
BUCKET = "gazettes"
INDICES = ("gazettes-000001", "gazettes-000002", "gazettes-trial-000001", "gazettes")

TABLES = """
CREATE TABLE territories (id varchar PRIMARY KEY, name varchar, state_code varchar, state varchar);
CREATE TABLE gazettes (id serial PRIMARY KEY, source_text text, date date, edition_number varchar, is_extra_edition boolean,
  power varchar, file_checksum varchar, file_path varchar, file_url varchar, scraped_at timestamp, created_at timestamp,
  territory_id varchar REFERENCES territories(id), processed boolean DEFAULT false, UNIQUE (territory_id, date, file_checksum));
INSERT INTO territories VALUES ('2799901', 'Ribeira do Sol', 'AL', 'Alagoas'), ('3199902', 'Serra Clara', 'MG', 'Minas Gerais');
"""
# The first was read by the other service.
GAZETTES = ("ribeira-do-sol-1214.pdf", "ribeira-do-sol-camara-07.pdf", "serra-clara-3318-suplemento.pdf", "serra-clara/camara-118.pdf")


class Missing(Exception):
    """There are no servers."""


def variable(name):
    try:
        return os.environ[name]
    except KeyError:
        raise Missing(f"{name} is not set") from None


class World:
    def __init__(self):
        for program in ("psql", "pg_dump", "curl"):
            if not shutil.which(program):
                raise Missing(f"no {program} on this machine")
        self.postgres = urlsplit(variable("PRELO_TEST_CATALOG"))
        storage = urlsplit(variable("PRELO_TEST_STORAGE"))
        self.endpoint = parse_qs(storage.query)["endpoint"][0]
        self.key, self.secret = variable("PRELO_TEST_S3_ACCESS_KEY"), variable("PRELO_TEST_S3_ACCESS_SECRET")
        index = urlsplit(variable("PRELO_TEST_INDEX").removeprefix("opensearch+"))
        self.opensearch = f"{index.scheme}://{index.netloc}"
        self.client = {
            "PGHOST": self.postgres.hostname, "PGPORT": str(self.postgres.port), "PGUSER": self.postgres.username,
            "PGPASSWORD": self.postgres.password,
        }

    def prepare(self, fixtures, work, is_old):
        """is_old: another service has its index and has marked a row."""
        self.remove()
        self.run("createdb", "gazettes")
        self.s3("PUT", "")
        rows = []
        for day, name in enumerate(GAZETTES, 1):
            self.s3("PUT", name, fixtures / name)
            checksum = hashlib.md5((fixtures / name).read_bytes()).hexdigest()
            territory = "2799901" if name.startswith("ribeira") else "3199902"
            rows.append(
                "INSERT INTO gazettes (date, edition_number, is_extra_edition, power, file_checksum, file_path, file_url, scraped_at,"
                f" created_at, territory_id, processed) VALUES ('2025-04-0{day}', '{day}', false, 'executive', '{checksum}', '{name}',"
                f" 'https://diario.example/{day}', now(), now(), '{territory}', {is_old and day == 1});"
            )
        self.run("psql", "-q", "gazettes", text=TABLES + "\n".join(rows))
        first = hashlib.md5((fixtures / GAZETTES[0]).read_bytes()).hexdigest()
        if is_old:
            document = {
                "id": 1, "source_text": "Pregão, lido antes", "file_path": GAZETTES[0], "file_checksum": first, "date": "2025-04-01",
                "territory_id": "2799901", "territory_name": "Ribeira do Sol", "state_code": "AL", "processed": True,
            }
            self.search("PUT", f"gazettes/_doc/{first}?refresh=true", document)
        settings = {
            "POSTGRES_HOST": self.postgres.hostname, "POSTGRES_PORT": self.postgres.port, "POSTGRES_DB": "gazettes",
            "POSTGRES_USER": self.postgres.username, "POSTGRES_PASSWORD": self.postgres.password, "STORAGE_BUCKET": BUCKET,
            "STORAGE_ENDPOINT": self.endpoint, "STORAGE_REGION": "us-east-1", "STORAGE_ACCESS_KEY": self.key,
            "STORAGE_ACCESS_SECRET": self.secret, "OPENSEARCH_HOST": self.opensearch, "OPENSEARCH_INDEX": "gazettes",
        }
        (work / "servers.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return {**self.client, "PGDATABASE": "gazettes", "OLD": self.opensearch, "CHECKSUM": first}

    def translated(self, code, is_sql):
        """A command of a page with the addresses of these servers in place of its examples."""
        place = f"{self.postgres.username}:{self.postgres.password}@{self.postgres.hostname}:{self.postgres.port}"
        for example, here in (
            (r"[\w:…]+@db\.example", place),
            (r"\?sslmode=verify-full", ""),
            (r"https://s3\.example", self.endpoint),
            (r"https://([\w:]+@)?search\.example:9200", self.opensearch),
            (r"ACCESS_KEY=…", f"ACCESS_KEY={self.key}"),
            (r"ACCESS_SECRET=…", f"ACCESS_SECRET={self.secret}"),
            (r"/path/to/old\.env", "servers.env"),
            (r"_source/4711", "_source/1"),
            (r"TIME OF THE CHANGE", "2000-01-01"),
        ):
            code = re.sub(example, lambda _, here=here: here, code)
        return f"psql -v ON_ERROR_STOP=1 <<'END'\n{code}\nEND" if is_sql else code

    def remove(self):
        for database in DATABASES:
            self.run("dropdb", "--if-exists", database)
        for index in INDICES:
            try:
                self.search("DELETE", index)
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise

    def run(self, *command, text=None):
        environment = {**os.environ, **self.client, "PGOPTIONS": "-c client_min_messages=warning"}
        subprocess.run(command, input=text, text=True, check=True, env=environment)

    def s3(self, method, key, file=None):
        command = ["curl", "-sSf", "--aws-sigv4", "aws:amz:us-east-1:s3", "--config", "-", "-X", method, "-o", os.devnull]
        command += ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"] + (["-T", str(file)] if file else [])
        # The secret comes on standard input: arguments are for everybody to read. A bucket that is there is as good as a new one.
        user = f'user = "{self.key}:{self.secret}"\n'
        quiet = None if file else subprocess.DEVNULL
        subprocess.run([*command, f"{self.endpoint}/{BUCKET}/{key}"], input=user, text=True, check=bool(file), stderr=quiet)

    def search(self, method, path, body=None):
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(
            f"{self.opensearch}/{path}", method=method, data=data, headers={"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=60).close()
