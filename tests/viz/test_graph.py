from __future__ import annotations

import functools
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functrace
import functrace.numpy as fnp
from functrace import lax, nn, random, viz
from functrace.errors import ArgumentError, MissingExtraError, OptionError, ShapeError
from tests.viz.networks import arguments, loss, sigmoid

few = settings(max_examples=20, deadline=None)


def by_label(graph, label):
    return next(node for node in graph.nodes if node.label == label)


def test_values_and_gradients_of_a_network_are_those_of_the_formulas_of_backpropagation():
    params, x, y = arguments()
    graph = viz.graph(loss)(params, x, y)
    (w1, b1), (w2, b2) = [(part["w"], part["b"]) for part in params]
    a1 = 1 / (1 + np.exp(-(x @ w1 + b1)))
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    delta2 = 2 * (a2 - y) / y.size * a2 * (1 - a2)
    delta1 = delta2 @ w2.T * a1 * (1 - a1)
    named = [node for node in graph.nodes if node.name == "a"]
    np.testing.assert_allclose(named[0].value, a1, rtol=1e-12)
    np.testing.assert_allclose(named[1].value, a2, rtol=1e-12)
    np.testing.assert_allclose(named[0].gradient, delta2 @ w2.T, rtol=1e-10)
    expected = {
        "params[0]['w']": x.T @ delta1,
        "params[0]['b']": delta1.sum(0),
        "params[1]['w']": a1.T @ delta2,
        "params[1]['b']": delta2.sum(0),
    }
    for label, gradient in expected.items():
        node = by_label(graph, label)
        assert node.kind == "parameter"
        np.testing.assert_allclose(node.gradient, gradient, rtol=1e-10)
    assert by_label(graph, "x").kind == by_label(graph, "y").kind == "input"


def programs(x, kind):
    table = {
        "chain": lambda: fnp.sum(fnp.tanh(x) * x),
        "reuse": lambda: fnp.sum(x * x * x + fnp.sin(x)),
        "where": lambda: fnp.sum(fnp.where(x > 0, x, fnp.exp(x))),
        "sort": lambda: fnp.sum(fnp.sort(x) * fnp.arange(len(x))),
        "jit": lambda: functrace.jit(lambda v: fnp.sum(fnp.cos(v) ** 2))(x),
        "checkpoint": lambda: functrace.checkpoint(lambda v: fnp.sum(fnp.sin(fnp.sin(v))))(x),
        "scan": lambda: lax.scan(lambda c, v: (fnp.sin(c + v), c), 0.0, x)[0],
        "while": lambda: lax.while_loop(lambda v: fnp.sum(v) < 20, lambda v: v * 1.5 + 1, x).sum(),
        "cond": lambda: lax.cond(fnp.sum(x) > 0, lambda v: fnp.sum(v**2), lambda v: fnp.sum(v), x),
        "grad": lambda: fnp.sum(functrace.grad(lambda v: fnp.sum(v**3))(x)),
    }
    return table[kind]()


@few
@given(
    st.sampled_from(["chain", "reuse", "where", "sort", "jit", "checkpoint", "scan", "while", "cond", "grad"]),
    st.integers(0, 9),
)
def test_gradients_in_the_graph_are_those_of_grad(kind, seed):
    x = np.random.default_rng(seed).normal(size=4)
    graph = viz.graph(lambda v: programs(v, kind))(x)
    value, gradient = functrace.value_and_grad(lambda v: programs(v, kind))(x)
    np.testing.assert_allclose(graph.nodes[graph.results[0]].value, value, rtol=1e-12)
    np.testing.assert_allclose(graph.nodes[0].gradient, gradient, rtol=1e-10)


@few
@given(st.sampled_from(["chain", "reuse", "where", "sort", "jit"]), st.integers(0, 9))
def test_a_nodes_gradient_is_the_sum_of_what_comes_over_its_edges(kind, seed):
    graph = viz.graph(lambda v: programs(v, kind))(np.random.default_rng(seed).normal(size=4))
    arriving = {}
    for edge in graph.edges:
        if edge.product is not None:
            arriving[edge.source] = arriving.get(edge.source, 0) + edge.product
    for node in graph.nodes:
        if node.index not in graph.results and node.index in arriving:
            np.testing.assert_allclose(node.gradient, arriving[node.index], rtol=1e-12)


def test_the_chain_rules_product_is_the_gradient_times_the_local_derivative():
    graph = viz.graph(lambda x: fnp.sum(fnp.sin(x) ** 2))(np.array([0.5, 1.5]))
    sin = by_label(graph, "sin")
    [edge] = sin.inputs
    np.testing.assert_allclose(edge.local, np.cos([0.5, 1.5]), rtol=1e-14)
    np.testing.assert_allclose(edge.product, sin.gradient * edge.local, rtol=1e-14)
    [edge] = by_label(graph, "pow").inputs
    np.testing.assert_allclose(edge.local, 2 * np.sin([0.5, 1.5]), rtol=1e-14)


def test_a_broadcast_operand_and_a_matrix_product_have_no_local_derivative_of_their_shape():
    graph = viz.graph(lambda b: fnp.sum((np.ones((2, 3)) + b) @ np.ones(3)))(np.zeros(3))
    assert by_label(graph, "add").inputs[-1].local is None
    assert all(edge.local is None for edge in by_label(graph, "dot_general").inputs)


def test_pythons_if_on_values_works_and_a_tracer_as_argument_is_refused():
    graph = viz.graph(lambda x: x**2 if x > 1 else x)(3.0)
    assert by_label(graph, "pow").value == 9.0
    with pytest.raises(ArgumentError, match="graph"):
        functrace.jit(viz.graph(lambda x: x))(1.0)
    with pytest.raises(OptionError, match="argnums"):
        viz.graph(lambda x: x, argnums=1)(1.0)
    for wrong in ("x", 1.0, (0, "y")):
        with pytest.raises(OptionError, match="argnums"):
            viz.graph(lambda x: x, argnums=wrong)


def test_functions_of_the_library_are_shown_like_those_of_the_user():
    graph = viz.graph(nn.relu)(np.float64(2.0))
    assert graph.nodes[0].gradient == 1.0
    slope = viz.graph(functrace.grad(lambda v: fnp.sin(v) * 2))(1.0)
    np.testing.assert_allclose(slope.nodes[0].gradient, -2 * np.sin(1.0), rtol=1e-12)
    layer = nn.serial(nn.Dense(3), nn.Tanh)
    _, params = layer.init(random.key(0), (2, 2))
    graph = viz.graph(layer.apply)(params, np.ones((2, 2)))
    assert [group.name for group in graph.groups] == ["serial", "Dense(3)", "tanh"]
    assert [node.label for node in graph.nodes if node.kind == "input"] == ["inputs"]


def test_gradients_flow_through_operations_with_more_rules_than_operands():
    x = np.array([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(viz.graph(lambda x: fnp.sort(x)[0])(x).nodes[0].gradient, [0, 1, 0])
    np.testing.assert_array_equal(viz.graph(lambda x: x.at[0].set(5.0).sum())(x).nodes[0].gradient, [0, 1, 1])


def test_what_grad_does_is_a_graph_whose_gradient_is_the_second_derivative():
    def wave(x):
        s = fnp.sin(x)
        return x * s

    graph = viz.graph(functrace.grad(wave))(2.0)
    np.testing.assert_allclose(graph.nodes[graph.results[0]].value, np.sin(2) + 2 * np.cos(2), rtol=1e-14)
    np.testing.assert_allclose(by_label(graph, "x").gradient, 2 * np.cos(2) - 2 * np.sin(2), rtol=1e-14)
    assert by_label(graph, "sin").name == "s"
    assert ("1.0", "x") in [node.operands for node in graph.nodes]
    assert viz.graph(functrace.grad(functrace.grad(lambda x: x**4)))(3.0).nodes[0].gradient == pytest.approx(72)


def test_leaves_have_the_names_of_the_arguments_of_jitted_functions_methods_and_partial_functions():
    class Line:
        def at(self, slope, x):
            return slope * x

    line = Line()
    for function in (functrace.jit(lambda slope, x: slope * x), line.at, functools.partial(Line.at, line)):
        assert [node.label for node in viz.graph(function)(2.0, 3.0).nodes] == ["slope", "x", "mul"]
    assert [node.label for node in viz.graph(lambda *rows: sum(rows))(1.0, 2.0).nodes[:2]] == ["arg_0", "arg_1"]


def test_shapes_that_do_not_fit_are_an_error_that_names_both_and_the_line():
    def product(x):
        return x @ np.ones((4, 4))

    with pytest.raises(ShapeError, match=r"(?s)\(3, 3\) and \(4, 4\) do not fit.*test_graph.py.*return x @ np.ones"):
        viz.graph(product)(np.ones((3, 3)))


def test_a_graph_without_a_scalar_result_has_values_alone():
    graph = viz.graph(lambda x: {"double": 2 * x, "sum": x.sum()})(np.ones(3))
    assert not graph.has_gradients and len(graph.results) == 2
    assert all(step.sweep == "forward" for step in graph.step())
    assert all(node.gradient is None for node in graph.nodes)


def test_captured_arrays_are_constants_and_kept_as_they_were():
    scale = np.array([1.0, 2.0])
    graph = viz.graph(lambda x: fnp.sum(scale * x))(np.ones(2))
    scale[:] = 0
    [constant] = [node for node in graph.nodes if node.kind == "constant"]
    np.testing.assert_array_equal(constant.value, [1.0, 2.0])


def test_calls_of_the_users_functions_are_groups_within_groups():
    graph = viz.graph(loss)(*arguments())
    assert [(group.name, group.parent) for group in graph.groups] == [
        ("layer", None),
        ("sigmoid", 0),
        ("layer", None),
        ("sigmoid", 2),
    ]
    assert {node.group for node in graph.nodes if node.label == "exp"} == {1, 3}
    assert "networks.py" in graph.groups[0].location


def test_jitted_functions_and_named_scopes_are_groups_too():
    def f(x):
        with functrace.named_scope("head"):
            x = fnp.sin(x)
        return functrace.jit(sigmoid)(x)

    graph = viz.graph(f)(1.0)
    assert [group.name for group in graph.groups] == ["head", "sigmoid"]
    assert by_label(graph, "exp").group == 1


def test_each_entry_of_a_scope_is_a_group_of_its_own_in_the_function_that_entered_it():
    def doubled(x):
        return x * 2

    def f(x):
        for _ in range(2):
            with functrace.named_scope("head"):
                x = doubled(x)
        with functrace.named_scope("a"), functrace.named_scope("b"):
            return fnp.sin(x)

    groups = viz.graph(f)(1.0).groups
    assert [(group.name, group.parent) for group in groups] == [
        ("head", None),
        ("doubled", 0),
        ("head", None),
        ("doubled", 2),
        ("a", None),
        ("b", 4),
    ]


def test_scopes_in_a_jitted_function_are_groups_in_its_group():
    net = nn.serial(nn.Dense(2), nn.Tanh, nn.Dense(2))
    _, params = net.init(random.key(0), (1, 2))

    @functrace.jit
    def loss(params, x):
        return fnp.sum(net.apply(params, x))

    @functrace.jit
    def f(x):
        with functrace.named_scope("sin"):
            return fnp.sin(x)

    def in_s(x):
        with functrace.named_scope("s"):
            return f(x)

    f(1.0)  # traced outside of the scope

    def outer(params, x):
        with functrace.named_scope("outside"):
            return loss(params, x) * 2

    assert [group.name for group in viz.graph(in_s)(1.0).groups] == ["s", "f", "sin"]

    groups = viz.graph(outer)(params, np.ones((1, 2))).groups
    assert [(group.name, group.parent) for group in groups] == [
        ("outside", None),
        ("loss", 0),
        ("serial", 1),
        ("Dense(2)", 2),
        ("tanh", 2),
        ("Dense(2)", 2),
    ]


def test_a_notebook_is_not_filled_with_the_picture_of_tens_of_thousands_of_nodes():
    def f(x):
        for _ in range(4000):
            x = x * 0.5
        return x

    graph = viz.graph(f)(1.0)
    assert graph._repr_svg_() is None and "to_html(path)" in repr(graph)
    assert viz.graph(lambda x: x * 2)(1.0)._repr_svg_().startswith("<svg")
    html = functrace.make_jaxpr(f)(1.0)._repr_html_()
    assert "4000 equations" in html and "3000 more" in html and len(html) < 500_000


def test_a_decorated_function_that_calls_itself_opens_its_scope_each_time():
    @functrace.named_scope("turn")
    def power(x, n):
        return x if n == 0 else power(x, n - 1) * x

    location = functrace.make_jaxpr(lambda x: power(x, 3))(2.0).eqns[0].location
    assert location.scope == "turn/turn/turn"


def test_variables_name_the_values_that_are_assigned_to_them():
    def f(x):
        first = fnp.sin(x)
        for _ in range(2):
            first = first * 2 + 1
        return first

    graph = viz.graph(f)(1.0)
    assert [node.title for node in graph.nodes] == ["x", "first = sin", "mul", "first = add", "mul", "first = add"]


def test_loops_keep_their_programs_folded():
    graph = viz.graph(lambda x: lax.scan(lambda c, v: (c * v, c), 1.0, x)[0])(np.array([2.0, 3.0]))
    scan = by_label(graph, "scan")
    assert scan.value is None
    assert [len(program.equations) > 0 for program in scan.programs.values()] == [True]
    assert by_label(graph, "scan[0]").value == 6.0


def test_steps_go_forward_through_every_node_and_back_from_the_result():
    graph = viz.graph(loss)(*arguments())
    steps = graph.step()
    forward = [step.node for step in steps if step.sweep == "forward"]
    backward = [step.node for step in steps if step.sweep == "backward"]
    assert forward == list(range(len(graph.nodes)))
    assert backward[0] == graph.results[0] and backward == sorted(backward, reverse=True)
    assert "the gradient of params[0]['w'] is" in steps[-1].text or "params[0]" in steps[-1].text
    assert "1 · 0.5 = 0.5" in steps[len(forward)].text


def test_the_picture_is_well_formed_and_shows_every_node():
    graph = viz.graph(loss)(*arguments())
    root = ET.fromstring(graph.to_svg())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for node in graph.nodes:
        assert node.title in texts
    boxes = graph.layout.boxes
    for node in graph.nodes:  # operands stand above what is made of them
        for edge in node.inputs:
            assert boxes[edge.source].y + boxes[edge.source].height <= boxes[node.index].y
    for a, box in enumerate(boxes):
        for other in boxes[a + 1 :]:
            apart = box.x + box.width <= other.x or other.x + other.width <= box.x
            assert apart or box.y + box.height <= other.y or other.y + other.height <= box.y


def test_ways_go_down_from_layer_to_layer_also_in_parts_that_are_far_from_each_other():
    layer = nn.serial(nn.Dense(8), nn.Relu, nn.Dense(3))
    _, params = layer.init(random.key(0), (5, 4))

    def loss(params, x, labels):
        logits = layer.apply(params, x)
        return nn.losses.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    layout = viz.graph(loss)(params, np.ones((5, 4)), np.array([0, 1, 2, 0, 1])).layout
    assert max(len(way.bends) for way in layout.ways) > 1
    for way in layout.ways:
        heights = [y for _, y in way.points]
        assert heights == sorted(heights)


def test_what_overflows_as_it_is_summed_up_is_no_warning():
    from functrace.viz.summary import summary_of

    large = np.array([-1.7e308, *[1.7e308] * 20])
    with np.errstate(all="raise"):
        assert summary_of(large).lines == ("-1.7e+308 … 1.7e+308, mean inf",)


@few
@given(st.integers(0, 99))
def test_random_graphs_are_laid_out_without_boxes_on_each_other(seed):
    rng = np.random.default_rng(seed)

    def f(x):
        values = [x]
        for _ in range(15):
            a, b = rng.integers(0, len(values), 2)
            values.append(values[a] * values[b] if rng.random() < 0.5 else fnp.sin(values[a]))
        return values[-1]

    boxes = viz.graph(f)(0.5).layout.boxes
    for a, box in enumerate(boxes):
        for other in boxes[a + 1 :]:
            apart = box.x + box.width <= other.x or other.x + other.width <= box.x
            assert apart or box.y + box.height <= other.y or other.y + other.height <= box.y


def test_names_with_marks_of_other_languages_are_escaped():
    graph = viz.graph(lambda d: d['a"<b>\\'] * 2)({'a"<b>\\': 1.0})
    ET.fromstring(graph.to_svg())
    assert 'a\\"<b>' in graph.to_dot()
    assert "<b>" not in graph.to_mermaid().replace("<br>", "")
    assert "</script><b>" not in graph.to_html()


def test_dot_and_mermaid_have_a_line_for_each_node_and_edge():
    graph = viz.graph(loss)(*arguments())
    edges = sum(1 for _ in graph.edges)
    dot, mermaid = graph.to_dot(), graph.to_mermaid()
    assert dot.count(" -> ") == edges and dot.count("subgraph") == 4 and dot.count("{") == dot.count("}")
    assert mermaid.count(" --> ") == edges and mermaid.count("subgraph") == mermaid.count("  end") == 4


@pytest.mark.parametrize("ending", ["svg", "png", "html", "dot", "mmd"])
def test_a_graph_is_saved_in_the_form_that_the_ending_names(tmp_path, ending):
    path = tmp_path / f"graph.{ending}"
    viz.graph(lambda x: x * 2)(1.0).save(path)
    start = {"svg": b"<svg", "png": b"\x89PNG", "html": b"<!doctype html>", "dot": b"digraph", "mmd": b"flowchart"}
    assert path.read_bytes().startswith(start[ending])


def test_another_ending_is_an_error_that_lists_those_that_there_are(tmp_path):
    with pytest.raises(OptionError, match=r"\.svg.*\.png"):
        viz.graph(lambda x: x * 2)(1.0).save(tmp_path / "graph.bmp")


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "igraph", None)
    with pytest.raises(MissingExtraError, match="viz"):
        viz.graph(lambda x: x * 2)(1.0).to_svg()


def test_small_arrays_are_shown_by_their_numbers_and_large_ones_by_a_histogram():
    from functrace.viz.summary import summary_of

    assert summary_of(np.array([[1.0, 0.25], [np.nan, -np.inf]])).lines == ("[1 0.25]", "[nan -inf]")
    large = summary_of(np.concatenate([np.linspace(0, 1, 160), [np.inf]]))
    assert large.lines == ("0 … 1, mean 0.5", "1 not finite")
    assert large.histogram == (10,) * 16
    assert summary_of(np.full(100, 2.0)).lines == ("all 2",)
    assert summary_of(np.zeros((0, 3))).lines == ("empty",)
    assert summary_of(1 - 2j).text == "1-2j" and summary_of(True).text == "True"


def test_thousands_of_nodes_are_laid_out_in_seconds():
    def f(x):
        for _ in range(400):
            x = fnp.tanh(x * 0.5 + 0.1)
            x = x - 0.5 * fnp.sin(x)
        return fnp.sum(x)

    graph = viz.graph(f)(np.linspace(0, 1, 3))
    assert len(graph.nodes) > 2000
    assert len(graph.to_svg()) < 5_000_000
