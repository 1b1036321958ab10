"""How does a picture become a page? Its SVG, a little script for play, step and hover, and the numbers as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment

from .svg import Pen
from .theme import THEMES

if TYPE_CHECKING:
    from ..picture import Picture

_TEMPLATE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
:root { {{ light | safe }} }
{% if dark %}@media (prefers-color-scheme: dark) { :root { {{ dark | safe }} } }{% endif %}
body { font: 16px/1.4 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; background: var(--paper); color: var(--ink);
       margin: 0 auto; padding: 8px 16px; max-width: {{ width }}px }
svg { display: block; width: 100%; height: auto }
[data-frame], [data-note] { cursor: pointer }
text, polyline, image { pointer-events: none }
#said { min-height: 2.8em; margin: 6px 0; color: var(--ink) }
.controls { display: flex; gap: 8px; align-items: center }
button { font: inherit; min-width: 2.6em; padding: 2px 10px; color: var(--ink); background: var(--cell);
         border: 1px solid var(--soft); border-radius: 6px; cursor: pointer }
input { flex: 1; accent-color: var(--input_on) }
#count { min-width: 5em; text-align: right; color: var(--soft) }
</style></head><body>
{{ svg | safe }}
<p id="said" aria-live="polite"></p>
{% if count > 1 %}<div class="controls">
<button id="back" title="one step back (left arrow)">&#9664;</button>
<button id="play" title="play or pause (space)">&#10074;&#10074;</button>
<button id="next" title="one step on (right arrow)">&#9654;</button>
<input id="step" type="range" min="0" max="{{ count - 1 }}" value="0" aria-label="step">
<span id="count"></span></div>{% endif %}
<script type="application/json" id="data">{{ data | safe }}</script>
<script type="application/json" id="captions">{{ captions | safe }}</script>
<script>
"use strict";
const part = id => document.getElementById(id), captions = JSON.parse(part("captions").textContent);
const frames = captions.map((_, n) => part("frame" + n));
let now = 0, timer = null;
function show(n) {
  now = (n + frames.length) % frames.length;
  frames.forEach((frame, other) => frame.style.display = other === now ? "" : "none");
  part("said").textContent = captions[now];
  if (frames.length > 1) { part("step").value = now; part("count").textContent = (now + 1) + " / " + frames.length; }
}
function play(on) {
  clearInterval(timer); timer = on ? setInterval(() => show(now + 1), {{ milliseconds }}) : null;
  if (frames.length > 1) part("play").innerHTML = on ? "&#10074;&#10074;" : "&#9654;&#9654;";
}
function step(by) { play(false); show(now + by); }
if (frames.length > 1) {
  part("back").onclick = () => step(-1);
  part("next").onclick = () => step(1);
  part("play").onclick = () => play(!timer);
  part("step").oninput = event => { play(false); show(+event.target.value); };
  document.onkeydown = event => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === " " && event.target.tagName !== "BUTTON") play(!timer);
    else return;
    event.preventDefault();
  };
}
document.querySelector("svg").addEventListener("mouseover", event => {
  const { frame, note } = event.target.dataset;
  if (frame !== undefined) { play(false); show(+frame); }
  if (note) part("said").textContent = note;
});
show(0);
play(frames.length > 1 && !matchMedia("(prefers-reduced-motion: reduce)").matches);
</script></body></html>
"""


def page(picture: Picture, theme: str | None = None) -> str:
    """Return a whole page that needs nothing else."""
    pen = Pen(picture, theme)
    body = pen.body()
    still = ".frame{animation:none}"
    return (
        Environment(autoescape=True)
        .from_string(_TEMPLATE)
        .render(
            title=picture.title,
            svg=pen.opened(pen.style() + still) + body + "</svg>",
            width=max(520, round(picture.size[0] * picture.unit)),
            count=len(picture.frames),
            captions=_json([frame.caption for frame in picture.frames]),
            data=_json(plain(picture.data)),
            milliseconds=round(1000 * picture.seconds),
            light=_variables(theme or "light"),
            dark="" if theme else _variables("dark"),
        )
    )


def plain(value: Any) -> Any:
    """Return what was measured as lists, numbers and words."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _variables(theme: str) -> str:
    roles = {"paper": "transparent"} | THEMES[theme].roles
    return "".join(f"--{name}:{roles[name]};" for name in ("paper", "ink", "soft", "cell", "input_on"))
