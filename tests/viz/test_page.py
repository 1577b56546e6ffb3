"""The page, opened in a browser and stepped through."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import functrace.numpy as fnp
from functrace import viz
from functrace.viz.summary import number_text, summary_of
from tests.viz.networks import arguments, loss

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package chromium) to open the page")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *sandbox])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Open the page of a graph; no error and no request may come of it."""
    pages, problems = [], []

    def open_page(graph: viz.Graph) -> Any:
        path = tmp_path / "graph.html"
        graph.to_html(path)
        page = browser.new_page(viewport={"width": 1300, "height": 850})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request", lambda request: problems.append(request.url) if not request.url.startswith("file:") else None
        )
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert problems == []


def shown(page: Any, index: int, role: str) -> list[str]:
    """The texts of a role that a node's box shows now."""
    return page.evaluate(
        """([key, role]) => [...document.querySelectorAll(`.box[data-key="${key}"] text.${role}`)]
            .filter((text) => getComputedStyle(text).visibility !== "hidden").map((text) => text.textContent)""",
        [str(index), role],
    )


def test_both_sweeps_show_the_computed_values_and_gradients_step_by_step(opened: Any) -> None:
    graph = viz.graph(loss)(*arguments(sizes=(2, 2, 1), batch=1))
    page = opened(graph)
    assert all(shown(page, node.index, "value") == [] for node in graph.nodes)
    for step in graph.step():
        node = graph.nodes[step.node]
        if step.sweep == "backward":
            assert shown(page, node.index, "gradient") == []
        page.keyboard.press("ArrowRight")
        role, expected = ("value", node.value) if step.sweep == "forward" else ("gradient", node.gradient)
        lines = [line.removeprefix("∇ ") for line in shown(page, node.index, role)]
        assert lines == list(summary_of(expected).lines)
        assert page.inner_text("#text") == step.text
        assert page.inner_text("#sweep") == step.sweep.capitalize()
        assert page.locator(".box.now").get_attribute("data-key") == str(node.index)
    assert page.inner_text("#count") == f"{len(graph.step())} / {len(graph.step())}"


def test_buttons_slider_and_keys_go_to_the_same_steps(opened: Any) -> None:
    graph = viz.graph(loss)(*arguments(sizes=(2, 1), batch=1))
    page, total = opened(graph), len(graph.step())

    def count() -> int:
        return int(page.inner_text("#count").split("/")[0])

    for action, expected in [
        (lambda: page.click("#next"), 1),
        (lambda: page.click("#next"), 2),
        (lambda: page.click("#previous"), 1),
        (lambda: page.click("#turn"), len(graph.nodes)),
        (lambda: page.keyboard.press("End"), total),
        (lambda: page.keyboard.press("ArrowLeft"), total - 1),
        (lambda: page.keyboard.press("Home"), 0),
        (lambda: page.click("#last"), total),
        (lambda: page.click("#first"), 0),
        (lambda: page.fill("#slider", "3"), 3),
    ]:
        action()
        assert count() == expected
    page.click("#play")
    page.wait_for_function("Number(document.getElementById('count').textContent.split('/')[0]) >= 5")
    page.click("#play")


def test_pointing_at_an_edge_shows_the_local_derivative_and_the_chain_rules_product(opened: Any) -> None:
    graph = viz.graph(lambda x: fnp.sin(x) ** 2)(0.5)
    page = opened(graph)
    path = page.locator('.edge[data-target="1"] path.wide')
    path.hover(force=True)
    hint = page.inner_text("#hint")
    local, upstream = np.cos(0.5), 2 * np.sin(0.5)
    assert f"∂sin/∂x = {number_text(local)}" in hint
    assert f"{number_text(upstream)} · {number_text(local)} = {number_text(upstream * local)}" in hint


def test_groups_fold_and_unfold_and_edges_follow(opened: Any) -> None:
    graph = viz.graph(loss)(*arguments(sizes=(2, 2, 1), batch=1))
    page = opened(graph)
    height = page.locator("#boxes").bounding_box()["height"]
    assert page.locator(".frame").count() == 4
    page.click("#fold")
    assert page.locator(".box.group").count() == 2 and page.locator(".frame").count() == 0
    inside = sum(node.group is not None for node in graph.nodes)
    assert page.locator(".box").count() == len(graph.nodes) - inside - 4 + 2  # parameters fold with their layer
    names = page.locator(".box text.title").all_text_contents()
    assert "x" in names and "y" in names and not any(name.startswith("params") for name in names)
    assert page.locator("#boxes").bounding_box()["height"] < height
    page.click("#unfold")
    page.locator(".frame text", has_text="sigmoid").first.click()
    assert page.locator(".box.group").count() == 1
    page.locator(".box.group").click()
    assert page.locator(".box").count() == len(graph.nodes)
    page.click("#fold")
    page.keyboard.press("Home")
    for _ in graph.step():
        page.keyboard.press("ArrowRight")
        assert page.locator(".box.now").count() == 1


def test_searching_marks_what_is_found_and_enter_goes_to_it(opened: Any) -> None:
    graph = viz.graph(loss)(*arguments(sizes=(2, 2, 1), batch=1))
    page = opened(graph)
    page.keyboard.press("/")
    page.keyboard.type("exp")
    found = [node.index for node in graph.nodes if "exp" in node.title]
    assert page.inner_text("#found") == f"{len(found)} found"
    assert page.locator(".box.found").count() == len(found)
    page.keyboard.press("Enter")
    assert page.locator(".box.kept").get_attribute("data-key") == str(found[0])
    assert "exp" in page.inner_text("#detail")


def test_a_loop_shows_its_program_when_it_is_clicked(opened: Any) -> None:
    from functrace import lax

    graph = viz.graph(lambda x: lax.scan(lambda c, v: (c * v, c), 1.0, x)[0])(np.array([2.0, 3.0]))
    page = opened(graph)
    scan = next(node.index for node in graph.nodes if node.label == "scan")
    page.locator(f'.box[data-key="{scan}"]').click()
    assert re.search(r"lambda.*mul", page.inner_text("#detail pre"), re.DOTALL)


def test_a_page_of_two_thousand_nodes_answers_at_once(opened: Any) -> None:
    def f(x: Any) -> Any:
        for _ in range(400):
            x = fnp.tanh(x * 0.5 + 0.1)
            x = x - 0.5 * fnp.sin(x)
        return fnp.sum(x)

    graph = viz.graph(f)(np.linspace(0, 1, 3))
    assert len(graph.nodes) > 2000
    page = opened(graph)
    page.click("#last")
    page.click("#fit")
    took = page.evaluate(
        """() => { const start = performance.now();
            for (let i = 0; i < 10; i++) { document.getElementById("previous").click(); document.body.offsetHeight; }
            return (performance.now() - start) / 10; }"""
    )
    assert took < 500, f"a step takes {took:.0f} ms"  # far more than it takes: other work may share the machine
