"""The figure of the README's idea, as HTML: what a detector is shown in training, and what that does to its gradient."""

import base64
import io

import torch
from PIL import Image
from torch import Tensor

import aatviz

CLASS, OTHERS = 3, (0, 4, 7)
EPS, STEPS = 0.3, 100
STYLE = """
main { width: 1000px; padding: 18px 20px; font: 16px/1.35 sans-serif; color: #222; background: #fff; }
.rows { display: grid; grid-template-columns: auto auto 1fr; gap: 10px 22px; align-items: center; }
.strip { display: flex; gap: 6px; align-items: center; }
img { width: 66px; height: 66px; image-rendering: pixelated; border: 1px solid #bbb; border-radius: 3px; }
.pair { margin-right: 14px; }
.arrow { color: #9a3412; font-weight: bold; font-size: 22px; }
.detector { grid-row: span 2; border: 2px solid #1e40af; background: #dbeafe; border-radius: 8px; padding: 18px 14px;
  text-align: center; font-weight: bold; color: #1e40af; }
.yes { color: #166534; font-weight: bold; } .no { color: #9a3412; font-weight: bold; }
small { color: #555; }
"""


def html() -> str:
    """The page: real digits, and attacks of the default system's detector on others."""
    system = aatviz.load_system(aatviz.systems()[0])
    x, y = aatviz.load_data(system.card.dataset, split="sample")
    own = x[y == CLASS][:6]
    others = torch.cat([x[y == k][:1] for k in OTHERS])
    goal = aatviz.objective("detector_logit", system, target=CLASS)
    pushed = aatviz.pgd(goal, others, norm="Linf", eps=EPS, step_size=0.01, steps=STEPS)
    arrow = '<span class="arrow">&rarr;</span>'
    pairs = "".join(f'<div class="strip pair">{_img(a)}{arrow}{_img(b)}</div>' for a, b in zip(others, pushed, strict=True))
    return f"""<style>{STYLE}</style><main><div class="rows">
<div class="strip">{"".join(map(_img, own))}</div>
<div class="detector">detector of<br>the {CLASS}<br>h<sub>{CLASS}</sub></div>
<div><span class="yes">must say yes</span><br><small>natural images of its class</small></div>
<div class="strip">{pairs}</div>
<div><span class="no">must say no</span><br><small>images of others, pushed towards<br>
its class by an attacker (Linf {EPS:g})</small></div>
</div></main>"""


def _img(image: Tensor) -> str:
    levels = (image[0] * 255).round().to(torch.uint8).numpy()
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "png")
    return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
