"""docs/performance.svg: CPU time per request by proxy, as parts of nginx's."""
from xml.sax.saxutils import escape

from .cases import TITLES, yardstick

COLOURS = {
    "ours": "#1f6f5c", "ours-pipelined": "#4fa58c", "ours-wasm": "#2f8a72", "ours-1000-hosts": "#8cc7b5",
    "nginx": "#7a7f87", "nginx-lua": "#7a7f87",
    "nginx-njs": "#a3a7ad", "haproxy": "#5b7fb5", "envoy": "#b5567a", "envoy-wasm": "#b5567a",
    "envoy-wasm-empty": "#d3a0b5", "go": "#c99a3b", "floor": "#d4d6d9",
}
LEFT, UNIT, MOST = 204, 230, 2.0  # Pixels to the bars, of a bar of 1, and the longest bar in yardsticks.
BAR, GAP, GROUP = 15, 3, 12
END = LEFT + int(UNIT * MOST)
WIDTH = END + 150


def text(x, y, what, **attributes):
    given = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x}" y="{y}" {given}>{escape(what)}</text>'


def bar(y, peer, ratio, cpu):
    """Name, bar, the two figures; in columns, so that no text meets another or the line at 1."""
    length = UNIT * min(ratio, MOST)
    weight = "bold" if peer == "ours" else "normal"
    parts = [
        text(LEFT - 8, y + BAR - 4, TITLES[peer], text_anchor="end", font_weight=weight),
        f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[peer]}"/>',
        text(END + 46, y + BAR - 4, f"{ratio:.2f}", text_anchor="end", font_weight=weight),
        text(WIDTH - 16, y + BAR - 4, f"{cpu:,.1f} us", text_anchor="end", font_weight=weight),
    ]
    if ratio > MOST:  # Cut: a white gap near the end.
        parts.append(f'<path d="M{END - 22} {y + BAR + 1} l8 {-BAR - 2}" stroke="#fff" stroke-width="4"/>')
    return parts


def group(y, record, case):
    """(elements, where it ends) of a case; nothing of one without its yardstick."""
    ratios = {peer: record.ratio(case.name, "cpu_us", peer, yardstick(case)) for peer in TITLES}
    found = [(peer, ratio[0]) for peer, ratio in ratios.items() if ratio]
    if not found:
        return [], y
    parts = [text(16, y + 12, f"{case.name}: {case.what}", font_weight="bold")]
    top = y = y + 22
    for peer, ratio in found:
        parts += bar(y, peer, ratio, record.median(case.name, peer, "cpu_us"))
        y += BAR + GAP
    parts.append(f'<line x1="{LEFT + UNIT}" y1="{top - 2}" x2="{LEFT + UNIT}" y2="{y}" stroke="#33373d" stroke-dasharray="2 3"/>')
    return parts, y + GROUP


def chart(record):
    parts, y = [], 64
    for case in [*record.ordered("closed", False), *record.ordered("closed", True)]:
        more, y = group(y, record, case)
        parts += more
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
        ' font-family="sans-serif" font-size="12" fill="#22262b">',
        f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>',
        text(16, 26, "CPU time per request: nginx = 1 (nginx + Lua where responses are held)", font_size=16,
             font_weight="bold"),
        text(16, 46, "Shorter is better. Medians; a bar with a cut is longer than drawn."),
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"
