from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import unescape

import numpy as np

import functrace
import functrace.numpy as fnp


def text_of(html: str) -> str:
    return unescape(re.sub("<[^>]+>", "", html))


def test_a_jaxpr_in_a_notebook_has_a_line_an_equation_with_the_users_line_behind_it():
    jaxpr = functrace.make_jaxpr(lambda x: fnp.sum(fnp.sin(x) * 2))(np.ones(3))
    html = jaxpr._repr_html_()
    ET.fromstring(f"<x>{html}</x>")
    for equation in ["= sin a", "= mul b 2", "= reduce_sum"]:
        assert equation in text_of(html)
    assert "test_pretty_html.py" in html and "result:" in text_of(html)


def test_a_compiled_function_in_a_notebook_shows_its_source_and_work():
    lowered = functrace.jit(lambda x: fnp.sum(fnp.sin(x) < 2)).lower(np.ones(3))
    for stage in (lowered, lowered.compile()):
        html = stage._repr_html_()
        ET.fromstring(f"<x>{html}</x>")
        assert "import numpy as np" in text_of(html) and "transcendentals 3" in text_of(html)
