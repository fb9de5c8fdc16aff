"""Small panels in an SVG picture; and the history as one: how each scenario's ratio to its floor has gone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from conductor.measure.baseline import ratio_of
from conductor.measure.history import Recorded
from conductor.measure.rows import number

PANELS = (
    "chain_40",
    "chain_40_pure",
    "one_step",
    "signal",
    "fanout_100",
    "map_10000",
    "submit",
    "one_step_500",
    "one_step_batch_100",
    "flow_9_500",
    "throughput_50",
    "throughput_500",
    "throughput_2000",
    "tenants_100",
    "payload_1mib",
    "live_100000",
)
POINTS_MAX = 60
"""Of a panel: the newest ones, more would be one line."""
WIDTH, HEIGHT, COLUMNS = 220, 110, 4
STYLE = (
    "<style>text{font:11px sans-serif;fill:#444}.n{font-weight:bold}.l{fill:none;stroke:#2a6fb0;stroke-width:1.5}"
    ".d{fill:#2a6fb0}.a{stroke:#ddd}</style>"
)
_LEFT, _RIGHT, _TOP, _BOTTOM = 12, 46, 34, 14


@dataclass(frozen=True)
class Panel:
    """A line over points. `places` are theirs from left to right, in any unit; without them all are equally far apart."""

    name: str
    caption: str
    values: Sequence[float]
    places: Sequence[float] = ()


def chart(lines: Sequence[Recorded]) -> str:
    """An SVG picture; a panel for each of `PANELS` that has ever been measured."""
    found = [(name, points) for name in PANELS if (points := _points(lines, name))]
    panels = [
        Panel(name, f"x {points[-1][1].removeprefix('floor_')}", [value for value, _ in points])
        for name, points in found
    ]
    return picture("Each scenario over its floor of the same minute, by recorded run", panels)


def picture(title: str, panels: Sequence[Panel]) -> str:
    """Panels side by side, in rows of `COLUMNS`; each begins at 0 and says its last value."""
    rows = max(1, -(-len(panels) // COLUMNS))
    width, height = COLUMNS * WIDTH, rows * HEIGHT + 22
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'{head} role="img">',
        f"<title>{escape(title)}</title>",
        STYLE,
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="15">{escape(title)}</text>',
        *(_panel(panel, at) for at, panel in enumerate(panels)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _points(lines: Sequence[Recorded], name: str) -> list[tuple[float, str]]:
    """The ratios of a scenario, the oldest first, and the floor of each."""
    found = []
    for line in lines:
        for row in line.results:
            ratio = ratio_of(row) if row["name"] == name and line.durability == "always" else None
            if ratio is not None and ratio[1] is not None:
                found.append((ratio[0], ratio[1]))
    return found[-POINTS_MAX:]


def _panel(panel: Panel, at: int) -> str:
    left, top = (at % COLUMNS) * WIDTH, (at // COLUMNS) * HEIGHT + 22
    most = max(panel.values) * 1.1 or 1.0
    inner_width, inner_height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    places = list(panel.places or range(len(panel.values)))
    span = (places[-1] - places[0]) or 1

    def point(place: float, value: float) -> tuple[float, float]:
        across = inner_width * (place - places[0]) / span
        return left + _LEFT + across, top + _TOP + inner_height * (1 - value / most)

    dots = [point(place, value) for place, value in zip(places, panel.values, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    last_x, last_y = dots[-1]
    base = top + HEIGHT - _BOTTOM
    return "\n".join(
        [
            f'<text class="n" x="{left + _LEFT}" y="{top + 14}">{escape(panel.name)}</text>',
            f'<text x="{left + _LEFT}" y="{top + 27}">{escape(panel.caption)}</text>',
            f'<line class="a" x1="{left + _LEFT}" x2="{left + WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>',
            f'<polyline class="l" points="{line}"/>',
            *(f'<circle class="d" cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in dots),
            f'<text x="{last_x + 6:.1f}" y="{last_y + 4:.1f}">{number(panel.values[-1])}</text>',
        ]
    )
