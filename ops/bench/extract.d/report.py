"""Tables and figures of a run, as Markdown."""

MIB = 1024 * 1024
# Of many files with the same fault, so many are named; JSON has them all.
NAMED = 10


def table(head, rows):
    """A Markdown table whose columns line up; all but the first are set to the right."""
    cells = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]

    def line(row):
        first, *rest = (cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths)))
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join("-" * (width + 2) if not column else "-" * (width + 1) + ":" for column, width in enumerate(widths)) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def number(value, digits=4):
    return "-" if value is None else f"{value:.{digits}f}"


def mib(count):
    return f"{count / MIB:.0f}"


def speed(readers):
    """A row for each reader: what it cost over all the gazettes, and how good its text was."""
    head = ["reader", "seconds", "min", "max", "to prelo", "CPU s", "to prelo", "peak MiB", "words", "order", "lines", "least words", "least order", "no text"]
    ours = readers["prelo"]
    rows = []
    for name, result in readers.items():
        seconds, scores = result["seconds"], result["scores"] or {}
        mean, least = scores.get("mean", [None] * 3), scores.get("least", [None] * 3)
        rows.append(
            [result["version"] if result["version"].startswith(name) else f"{name} ({result['version']})"]
            + [number(seconds[key], 2) for key in ("median", "min", "max")]
            + [number(seconds["median"] / ours["seconds"]["median"], 2)]
            + [number(result["cpu_seconds"], 2), number(result["cpu_seconds"] / ours["cpu_seconds"], 2), mib(result["peak_bytes"])]
            + [*map(number, mean), *map(number, least[:2]), result["without_text"]]
        )
    return table(head, rows)


def corpus_scores(readers):
    head = ["reader", "words", "least words", "order", "lines", "no text", "killed or crashed"]
    rows = []
    for name, result in readers.items():
        mean, least = result["scores"]["mean"], result["scores"]["least"]
        rows.append([name, number(mean[0]), number(least[0]), number(mean[1]), number(mean[2]), result["without_text"], len(result["crashed"])])
    return table(head, rows)


def worst(files, count=5):
    """The files with the lowest words and order."""
    rows = sorted(files.items(), key=lambda item: item[1][0] + item[1][1])[:count]
    return table(["prelo's lowest", "words", "order", "lines"], [[name, *map(number, scores)] for name, scores in rows])


def every_file(files):
    """How prelo fared with each file of the corpus, in sum, and the dearest ones by name."""
    with_text = sum(1 for file in files.values() if file["characters"])
    codes = {}
    for file in files.values():
        if file["code"]:
            codes[file["code"]] = codes.get(file["code"], 0) + 1
    counted = ", ".join(f"{code} {count}" for code, count in sorted(codes.items(), key=lambda item: -item[1]))
    out = [f"{len(files)} files, {with_text} with text; without: {counted or 'none'}", ""]
    dearest = {name for key in ("seconds", "peak_bytes") for name in sorted(files, key=lambda name: -files[name][key])[:3]}
    rows = [
        [name, number(files[name]["seconds"], 2), mib(files[name]["peak_bytes"]), files[name]["status"], files[name]["code"] or "text"]
        for name in sorted(dearest, key=lambda name: -files[name]["seconds"])
    ]
    out.append(table(["slowest and largest", "seconds", "peak MiB", "exit", "result"], rows))
    for violation in sorted({violation for file in files.values() for violation in file["violations"]}):
        names = [name for name, file in files.items() if violation in file["violations"]]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        out.append(f"\n{violation}: {', '.join(names[:NAMED])}{more}")
    return "\n".join(out)


def goals(figures):
    """`figures`: (what, value, comparison, bound). A value of None was not measured."""
    rows = []
    for what, value, comparison, bound in figures:
        if value is None:
            continue
        held = value >= bound if comparison == ">=" else value <= bound
        rows.append([what, f"{value:.4g}", f"{comparison} {bound}", "yes" if held else "NO"])
    return table(["figure", "measured", "goal", "reached"], rows)
