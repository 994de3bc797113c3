"""Memory over time as an SVG."""

from html import escape

MIB = 1 << 20
WIDTH, HEIGHT = 860, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 30, 56, 46
COLUMNS = 240


def columns(samples, what):
    """(x, least, mean, most) of each column of the picture that has samples; x from 0 to 1."""
    end = samples[-1].seconds or 1
    found = {}
    for sample in samples:
        found.setdefault(min(int(sample.seconds / end * COLUMNS), COLUMNS - 1), []).append(getattr(sample, what) / MIB)
    for column, values in sorted(found.items()):
        yield (column + 0.5) / COLUMNS, min(values), sum(values) / len(values), max(values)


def draw(samples, bound_mib, title, words):
    """`words` is a line below the title."""
    most = max(bound_mib, max(sample.resident for sample in samples) / MIB) * 1.1
    end = samples[-1].seconds

    def at(x, mib):
        return f"{LEFT + x * (WIDTH - LEFT - RIGHT):.1f},{HEIGHT - BOTTOM - mib / most * (HEIGHT - TOP - BOTTOM):.1f}"

    def line(x1, mib1, x2, mib2, style):
        (a, b), (c, d) = at(x1, mib1).split(","), at(x2, mib2).split(",")
        return f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" {style}/>'

    def label(x, mib, text, style="", dx=0, dy=0):
        a, b = (float(value) for value in at(x, mib).split(","))
        return f'<text x="{a + dx:.1f}" y="{b + dy:.1f}" {style}>{escape(text)}</text>'

    resident, held = list(columns(samples, "resident")), list(columns(samples, "held"))
    band = [at(x, high) for x, _, _, high in resident] + [at(x, low) for x, low, _, _ in reversed(resident)]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#444">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="15" fill="#111">{escape(title)}</text>',
        f'<text x="{LEFT}" y="40">{escape(words)}</text>',
    ]
    step = 64 if most > 150 else 16
    for mib in range(0, int(most) + 1, step):
        out.append(line(0, mib, 1, mib, 'stroke="#e4e4e4"'))
        out.append(label(0, mib, str(mib), 'text-anchor="end"', -8, 4))
    for n in range(0, 11):
        seconds = end * n / 10
        done = max((sample.done for sample in samples if sample.seconds <= seconds), default=0)
        out.append(label(n / 10, 0, clock(seconds), 'text-anchor="middle"', 0, 16))
        out.append(label(n / 10, 0, f"{done:,}", 'text-anchor="middle" fill="#888"', 0, 32))
    out += [
        line(0, bound_mib, 1, bound_mib, 'stroke="#c0392b" stroke-dasharray="6 4"'),
        label(1, bound_mib, f"bound {bound_mib} MiB", 'text-anchor="end" fill="#c0392b"', 0, -6),
        "<!-- resident, summed over the processes: least to most, and mean -->",
        f'<polygon points="{" ".join(band)}" fill="#9ec5e8"/>',
        f'<polyline points="{" ".join(at(x, mean) for x, _, mean, _ in resident)}" fill="none" stroke="#1f5f99" stroke-width="1.3"/>',
        "<!-- of which no file stands behind: mean -->",
        f'<polyline points="{" ".join(at(x, mean) for x, _, mean, _ in held)}" fill="none" stroke="#7a7a7a" stroke-width="1.3"/>',
        f'<text x="{WIDTH - RIGHT}" y="22" text-anchor="end" fill="#1f5f99">resident (MiB)</text>',
        f'<text x="{WIDTH - RIGHT}" y="40" text-anchor="end" fill="#7a7a7a">without mapped files</text>',
        label(0, 0, "time", 'text-anchor="end"', -22, 16),
        label(0, 0, "done", 'text-anchor="end" fill="#888"', -22, 32),
        "</svg>",
    ]
    return "\n".join(out) + "\n"


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
