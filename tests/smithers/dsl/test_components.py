import functools
from pathlib import Path

import pytest
from pydantic import BaseModel

from smithers_py.dsl.component import Component, Element, component, plan, render_element
from smithers_py.errors import (
    ComponentError,
    InvalidOutputError,
    InvalidPropError,
    MissingPropError,
    PlanError,
    UnknownPropError,
    WriteInRenderError,
)
from smithers_py.nodes import Claude, Phase, Step, Text
from smithers_py.nodes.builder import at_path, building


class FakeContext:
    __smithers_ctx__ = True


CTX = FakeContext()


@component
def Row(ctx, name, size=1):
    """One row."""
    return Step(name, key=size)


def shown(items):
    return [item.label if hasattr(item, "label") else item for item in items]


@pytest.mark.requirement("A-2")
def test_calling_a_component_gives_a_lazy_element_and_runs_nothing():
    calls = []

    @component
    def Loud(ctx, what):
        calls.append(what)
        return Text(what)

    element = Loud(CTX, what="x", key="k")
    assert calls == []
    assert isinstance(element, Element)
    assert (element.component, element.props, element.key, element.id) == (Loud, {"what": "x"}, "k", None)
    assert element.source[0] == __file__
    assert render_element(Loud, CTX, element.props)[0].value == "x"
    assert calls == ["x"]


@pytest.mark.requirement("A-2")
def test_props_go_by_position_or_name_with_or_without_a_context():
    for element in (Row(CTX, "a", 2), Row("a", 2), Row("a", size=2), Row(CTX, name="a", size=2)):
        assert element.props == {"name": "a", "size": 2}
    assert Row("a").props == {"name": "a"}
    assert (Row("a", id="i", key=3).identity, Row("a", key=3).identity, Row("a").identity) == ("i", "3", None)
    assert (Row.name, Row.module, Row.qualname) == ("Row", __name__, "Row")
    assert Row.source == (__file__, Row.fn.__code__.co_firstlineno)
    assert Row.__doc__ == "One row."
    assert "Row" in repr(Row)
    assert repr(Row("a", key="k")) == "<Row 'k' element>"


@pytest.mark.requirement("A-2")
def test_the_context_goes_to_a_first_parameter_named_ctx_only():
    @component
    def Without(name):
        return Text(name)

    @component
    def Nothing():
        return None

    @component
    def Unused(_ctx, **props):
        return [Text(name) for name in props]

    assert render_element(Without, CTX, {"name": "n"})[0].value == "n"
    assert render_element(Nothing, CTX, {}) == []
    assert [text.value for text in render_element(Unused, CTX, Unused(a=1, b=2).props)] == ["a", "b"]


@pytest.mark.requirement("A-2")
def test_output_is_a_list_with_holes_kept_and_text_made_of_strings_and_numbers():
    @component
    def Mixed(ctx):
        return ["a", 3, 1.5, None, False, [Step("s"), "raw"], Row("r")]

    out = render_element(Mixed, CTX, {})
    assert [item.value for item in out[:3]] == ["a", "3", "1.5"]
    assert out[3:5] == [None, False]
    assert out[5][0].label == "Step 's'"
    assert isinstance(out[6], Element)
    one = component(lambda ctx: Phase("p"))
    assert shown(render_element(one, CTX, {})) == ["Phase 'p'"]
    assert [item.value for item in render_element(component(lambda ctx: "t"), CTX, {})] == ["t"]
    assert render_element(component(lambda ctx: (None,)), CTX, {}) == [None]


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: Row("a", sise=1), UnknownPropError, "Row has no prop 'sise'.*Did you mean 'size'?"),
        (lambda: Row(), MissingPropError, "Row needs the prop 'name'"),
        (lambda: Row("a", 1, 2), InvalidPropError, "Row takes 2 props, but 3 were given"),
        (lambda: Row("a", name="b"), InvalidPropError, "given 'name' twice"),
        (lambda: Row("a", key=1.5), InvalidPropError, "key, not 1.5"),
        (lambda: Row("a", key=True), InvalidPropError, "key, not True"),
        (lambda: Row("a", id=""), InvalidPropError, "id, not ''"),
        (lambda: Row("a", on_finished=print), PlanError, "Row has no event 'on_finished'"),
    ],
)
def test_wrong_props_are_typed_errors_at_the_call(call, error, says):
    with pytest.raises(error, match=says) as caught:
        call()
    assert caught.value.where.file == __file__
    assert caught.value.where.line == call.__code__.co_firstlineno
    assert caught.value.where.node == "Row"


def test_a_context_under_another_name_is_explained():
    @component
    def App(context):
        return None

    with pytest.raises(MissingPropError, match="name the parameter ctx"):
        App()


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize("kind", ["async", "generator", "star", "key", "positional"])
def test_a_function_that_cannot_be_a_component_is_refused_at_its_definition(kind):
    async def is_async(ctx):
        return None

    def is_generator(ctx):
        yield None

    def has_star(ctx, *names):
        return None

    def has_key(ctx, key):
        return None

    def is_positional(ctx, name, /):
        return None

    fn = {
        "async": is_async,
        "generator": is_generator,
        "star": has_star,
        "key": has_key,
        "positional": is_positional,
    }[kind]
    with pytest.raises(PlanError, match=f"component {fn.__name__} ") as caught:
        component(fn)
    assert caught.value.where.line == fn.__code__.co_firstlineno


@pytest.mark.requirement("A-4", "Z-9")
def test_a_component_that_raises_is_an_error_at_the_users_line():
    @component
    def Broken(ctx):
        return {}["missing"]

    with pytest.raises(ComponentError, match="component Broken raised KeyError: 'missing'") as caught:
        render_element(Broken, CTX, {})
    assert isinstance(caught.value.error, KeyError)
    assert caught.value.where.file == __file__
    assert caught.value.where.line == Broken.source[1] + 2
    with building("x", None) as outer:
        assert outer.stack == [], "the builder of the broken run is gone"


def test_errors_of_ours_pass_unwrapped_and_get_the_users_line():
    @component
    def Writes(ctx):
        raise WriteInRenderError("state was written")

    with pytest.raises(WriteInRenderError) as caught:
        render_element(Writes, CTX, {})
    assert caught.value.where.line == Writes.source[1] + 2


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize("value", [object(), {"a": 1}, {1}, b"x", 1j])
def test_nonsense_output_names_the_component_and_its_line(value):
    for output in (value, [Text("fine"), value]):
        app = component(lambda ctx, output=output: output)
        with pytest.raises(InvalidOutputError, match=f"returned an? {type(value).__name__}") as caught:
            render_element(app, CTX, {})
        assert (caught.value.where.file, caught.value.where.line) == app.source


def test_a_component_that_was_not_called_is_explained():
    with pytest.raises(InvalidOutputError, match=r"Call the component: Row\(\)"):
        render_element(component(lambda ctx: Row), CTX, {})
    with pytest.raises(InvalidPropError, match=r"Call the component: Row\(\)"):
        Phase("x", children=[Row])


@pytest.mark.requirement("A-1", "Z-12")
def test_a_plan_attaches_nodes_and_elements_and_takes_what_it_returns_once():
    @plan
    def Main(ctx):
        with Phase("a") as first:
            Row("1")
            inner = Step("2")
        Row("3")
        last = Phase("b", children=[Row("4"), "text"])
        return [first, inner, last, "end"]

    out = render_element(Main, CTX, {})
    assert [type(item).__name__ for item in out] == ["Phase", "Element", "Phase", "Text"]
    assert shown(out[0].children) == ["Row", "Step '2'"]
    assert shown(out[2].children) == ["Row", "text"]


@pytest.mark.requirement("Z-12")
def test_an_element_given_as_a_prop_does_not_attach():
    @component
    def Frame(ctx, content, children=None):
        return [content, *(children or [])]

    @plan
    def Main(ctx):
        Frame(content=Row("1"), children=[Row("2"), Step("3")])

    out = render_element(Main, CTX, {})
    assert shown(out) == ["Frame"]
    assert shown(render_element(Frame, CTX, out[0].props)) == ["Row", "Row", "Step '3'"]


@pytest.mark.requirement("Z-12")
def test_plans_do_not_leak_into_the_components_rendered_inside_them():
    @component
    def Inner(ctx):
        Step("lost on purpose: plain components return their nodes")
        return Step("kept")

    @plan
    def Outer(ctx):
        Step("before")
        inside = render_element(Inner, CTX, {})
        assert shown(inside) == ["Step 'kept'"]
        Step("after")

    assert shown(render_element(Outer, CTX, {})) == ["Step 'before'", "Step 'after'"]


@pytest.mark.requirement("A-4")
def test_node_errors_inside_a_component_name_its_path():
    @plan
    def Main(ctx):
        with Phase("build"):
            Claude(promt="x")

    with pytest.raises(UnknownPropError) as caught:
        render_element(Main, CTX, {})
    assert caught.value.where.node == "Main > Phase 'build' > Claude"
    with pytest.raises(UnknownPropError) as caught, at_path("App > Main 'k'"):
        render_element(Main, CTX, {})
    assert caught.value.where.node == "App > Main 'k' > Phase 'build' > Claude"


@pytest.mark.requirement("Z-14")
def test_a_plan_keeps_its_input_model():
    class Input(BaseModel):
        folder: Path

    @plan(input=Input)
    def Main(ctx):
        Phase("a")

    assert Main.input_model is Input
    assert Main.is_plan
    assert plan()(Main.fn).input_model is None
    assert not component()(Main.fn).is_plan


@pytest.mark.requirement("A-2")
def test_components_of_two_imports_are_the_same_by_module_and_name():
    again = Component(functools.partial(Row.fn).func)
    assert again is not Row
    assert again.same_as(Row)
    assert not component(lambda ctx: None).same_as(Row)


@pytest.mark.requirement("Z-4")
def test_element_props_in_the_plan_leave_parts_and_callables_out():
    @component
    def Any_(ctx, **props):
        return None

    element = Any_(size=1, path=Path("a"), kind=int, fn=print, part=Step("s"), parts=[Step("t")], other=Row)
    assert element.plan_props() == {"size": 1, "path": "a", "kind": "builtins:int"}
