"""What the samples of a run say: the peak, the slope after the warm-up, and whether anything was lost."""

from dataclasses import dataclass
from math import sqrt

MIB = 1 << 20
WARM_UP = 0.2
"""As much of the gazettes is left out of the fit: readers are started, and caches and the writer of the index fill up."""


@dataclass
class Slope:
    """Of a straight line through memory over gazettes done."""

    mib_per_thousand: float
    error: float
    """Its standard error, in the same unit."""
    first: int
    """Gazettes done at the first point that was fitted."""
    start_mib: float
    """The line's height there."""


def slope(samples, gazettes, turn, what="resident"):
    """Least squares over the means of whole turns: within one, the same files come in the same order, and what one of them takes more
    than another is no growth. Nor is a reader more, which is started when there is work for it: samples are compared with those of as
    many processes. `None` with fewer than four turns after the warm-up."""
    groups = {}
    for sample in samples:
        if WARM_UP * gazettes <= sample.done < gazettes:
            groups.setdefault((sample.processes, sample.done // turn), []).append(sample)
    turns = {turn for _, turn in groups}
    if len(turns) < 4:
        return None
    # Processes, weight, gazettes done, memory.
    points = [(n, len(group), mean(s.done for s in group), mean(getattr(s, what) for s in group) / MIB) for (n, _), group in groups.items()]
    middles = {n: middle([point for point in points if point[0] == n]) for n, *_ in points}
    apart = [(weight, x - middles[n][0], y - middles[n][1]) for n, weight, x, y in points]
    spread = sum(weight * x * x for weight, x, _ in apart)
    rise = sum(weight * x * y for weight, x, y in apart) / spread
    rest = sum(weight * (y - rise * x) ** 2 for weight, x, y in apart)
    freedom = max(len(points) - len(middles) - 1, 1)
    error = sqrt(rest / freedom / spread)
    x_mean, y_mean = middle(points)
    first = min(x for _, _, x, _ in points)
    return Slope(rise * 1000, error * 1000, round(first), y_mean + rise * (first - x_mean))


def middle(points):
    """The weighted mean of gazettes done, and of memory."""
    weights = sum(weight for _, weight, *_ in points)
    return tuple(sum(point[1] * point[axis] for point in points) / weights for axis in (2, 3))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def lost(report, marked, documents):
    """Why something may be lost; empty when nothing is."""
    failed = sum(report["failed"].values())
    accounts = [
        ("selected", report["selected"], "indexed and failed", report["indexed"] + failed),
        ("nothing", 0, "remaining", report["remaining"]),
        ("indexed", report["indexed"], "rows that are marked", marked),
        ("rows that are marked", marked, "documents in the index", documents),
    ]
    return [f"{one}: {a}; {other}: {b}" for one, a, other, b in accounts if a != b]


def verdict(watched, steep, bounds):
    """Which bounds were passed. Few gazettes tell a slope only roughly: then it has to pass the bound beyond doubt, by twice its error."""
    wrong = []
    peak = watched.peak() / MIB
    if peak > bounds.peak_mib:
        wrong.append(f"the peak is {peak:.0f} MiB, more than {bounds.peak_mib}")
    if watched.killed:
        wrong.append(f"the kernel killed {watched.killed} processes for passing {bounds.peak_mib} MiB")
    if steep is None:
        wrong.append("too few gazettes for a slope: at least a few hundred are needed")
    elif steep.mib_per_thousand - (0 if bounds.strict else 2 * steep.error) > bounds.slope:
        wrong.append(f"memory grows by {steep.mib_per_thousand:.2f} MiB with each 1,000 gazettes, more than {bounds.slope}")
    return wrong
