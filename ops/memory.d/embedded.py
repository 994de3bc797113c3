"""The embedded path: a folder of files, SQLite, and the index in a folder."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

from figures import md5_of


class World:
    name = "embedded"

    def __init__(self, work):
        self.work = work / "embedded"
        self.folder, self.data = self.work / "gazettes", self.work / "data"
        self.folder.mkdir(parents=True)
        self.registers = True

    def copies(self, files):
        kept = self.work / "originals"
        kept.mkdir()
        return [shutil.copyfile(file, kept / file.name) for file in files]

    def fill(self, files, count):
        """The files in turn, each time under another name: a copy in a folder is a gazette of its own. Links cost no disk."""
        originals = self.copies(files)
        for n in range(count):
            original = originals[n % len(originals)]
            os.link(original, self.folder / f"{n:05}-{original.name}")

    def fill_with_rows(self, files, count):
        """Pending rows whose files are there, without the folder being registered."""
        self.registers = False
        originals = [shutil.copyfile(file, self.folder / file.name) for file in files]
        # What comes first has the highest id. Here a path is unique: the others have names to which no file belongs.
        rows = [("", f"{n}.pdf") for n in range(count - len(files))] + [(md5_of(file), file.name) for file in originals]
        with closing(sqlite3.connect(self.data / "catalog.db")) as catalog, catalog:
            catalog.execute("INSERT INTO territories (id, name, state_code) VALUES ('', '', '')")
            catalog.executemany(
                "INSERT INTO gazettes (date, file_checksum, file_path, scraped_at, created_at, territory_id)"
                " VALUES ('2024-01-02', ?, ?, '2024-01-02 00:00:00.000', '2024-01-02 00:00:00.000', '')",
                rows,
            )

    def options(self):
        if self.registers:
            return ["--data", self.data, "--folder", self.folder]
        return ["--data", self.data, "--storage", f"file://{self.folder}"]

    def env(self):
        return {}

    def marked(self):
        with closing(sqlite3.connect(f"file:{self.data}/catalog.db?mode=ro", uri=True)) as catalog:
            return catalog.execute("SELECT count(*) FROM gazettes WHERE processed").fetchone()[0]

    def documents(self):
        """What the last commit of the index holds, by its own list of segments."""
        versions = self.data / "index.versions"
        current = (json.loads(versions.read_text()).get("current") if versions.exists() else None) or "index"
        meta = json.loads((self.data / current / "meta.json").read_text())
        return sum(segment["max_doc"] - (segment.get("deletes") or {}).get("num_deleted_docs", 0) for segment in meta["segments"])

    def close(self):
        """Everything lies in the work folder."""
