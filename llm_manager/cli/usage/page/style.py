"""The style of the page: light and dark, wide and narrow; colours that those who see red and green alike can tell apart."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

_LIGHT: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#6a51a3", "#7f7f7f")
_DARK: Final = ("#4ea3dc", "#f0b030", "#2fc79b", "#e29ac6", "#8fd0f5", "#f5823a", "#b39ddb", "#a0a0a0")
_DASHES: Final = ("none", "7 4", "2 3", "9 3 2 3", "12 4", "4 2", "1 4", "6 2 1 2")
"""Colours after Okabe and Ito, and dashes, so that lines differ without colour too."""


def _colours(colours: tuple[str, ...]) -> str:
    return "".join(f"--c{place}:{colour};" for place, colour in enumerate(colours))


def _classes() -> str:
    fills = "".join(f".c{place}{{fill:var(--c{place})}}" for place in range(len(_DASHES)))
    return fills + "".join(f".l{place}{{stroke:var(--c{place});stroke-dasharray:{dash}}}" for place, dash in enumerate(_DASHES))


STYLE: Final = f"""
:root{{color-scheme:light dark;--back:#fff;--fore:#1b1f24;--dim:#57606a;--line:#d0d7de;--card:#f6f8fa;{_colours(_LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{--back:#0f1318;--fore:#e6edf3;--dim:#9aa5b1;--line:#30363d;--card:#171c22;{_colours(_DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;padding:1.5rem;max-width:1240px;background:var(--back);color:var(--fore);font:15px/1.5 system-ui,sans-serif}}
h1{{font-size:1.6rem;margin:0}}h2{{font-size:1.15rem;margin:0 0 .6rem}}
p{{margin:.3rem 0}}.dim,.empty{{color:var(--dim)}}.empty{{padding:2rem 0;text-align:center}}
.cards{{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.8rem;margin:1.2rem 0;padding:0}}
.cards div{{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem}}
.cards dt{{color:var(--dim);font-size:.85rem}}.cards dd{{margin:0;font-size:1.35rem;font-weight:600;overflow-wrap:anywhere}}
.cards small{{display:block;color:var(--dim);font-size:.8rem;font-weight:400}}
section{{border-top:1px solid var(--line);padding:1.2rem 0}}
.pair{{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:1.2rem;align-items:start}}
.plot,.numbers{{overflow-x:auto}}.numbers{{max-height:330px;overflow-y:auto;border:1px solid var(--line);border-radius:8px}}
.chart{{display:block;width:100%;height:auto}}.names{{min-width:480px}}
.chart text{{fill:var(--fore);font-size:12px}}
.chart .mark{{text-anchor:end;fill:var(--dim)}}.chart .when{{text-anchor:middle;fill:var(--dim)}}
.chart .unit{{fill:var(--dim)}}.chart .name{{text-anchor:end}}.grid{{stroke:var(--line);stroke-width:1}}
.chart path{{fill:none;stroke-width:2}}.chart rect{{stroke:var(--back);stroke-width:.5}}
.legend{{display:flex;flex-wrap:wrap;gap:.3rem 1rem;margin:.4rem 0 0;padding:0;list-style:none;font-size:.85rem}}
.legend li{{overflow-wrap:anywhere}}.swatch{{width:28px;height:10px;margin-right:.4rem}}.swatch path{{fill:none;stroke-width:2}}
table{{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}}
th,td{{padding:.25rem .5rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}}
th:first-child,td:first-child{{text-align:left}}thead th{{position:sticky;top:0;background:var(--card)}}
tbody th{{font-weight:400;white-space:normal;overflow-wrap:anywhere;min-width:5.5rem}}
.note{{border-left:4px solid var(--c1);padding-left:.7rem}}
@media (max-width:820px){{body{{padding:1rem}}.pair{{grid-template-columns:minmax(0,1fr)}}}}
@media (max-width:520px){{.times text{{font-size:18px}}.times .unit{{font-size:16px}}}}
@media print{{.numbers{{max-height:none}}}}
{_classes()}
"""

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; base-uri 'none'; form-action 'none'"
)
"""What the page may do: show itself in this style, and nothing else."""
