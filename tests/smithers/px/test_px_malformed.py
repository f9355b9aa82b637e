"""What a malformed `.px` file is told: line, column, what is wrong, what was expected; never a traceback of ours."""

import pytest

from smithers_py.errors import PxSyntaxError, ScriptSyntaxError
from smithers_py.px import compile_px

# Text, line, column and end column (from 1), message.
OURS = [
    ("x = <A>\n", 1, 5, 7, "<A> is never closed; expected </A>"),
    ("x = <A", 1, 5, 7, "<A> is never closed; expected '>' or '/>'"),
    ("x = <A><B></A>", 1, 11, 15, "</A> does not close the <B> of line 1; expected </B>"),
    ("x = <A></B>", 1, 8, 12, "</B> does not close the <A> of line 1; expected </A>"),
    ("x = <A></A", 1, 11, 12, "the closing tag of <A> is not finished; expected '>'"),
    ("x = </A>", 1, 5, 9, "</A> closes nothing; expected its opening tag before it"),
    ("x = <>a", 1, 5, 6, "<> is never closed; expected </>"),
    ("x = <></A>", 1, 7, 11, "</A> does not close the <> of line 1; expected </>"),
    ("x = <A b=/>", 1, 10, 11, "b has no value; expected b={...}"),
    ("x = <A b= />", 1, 11, 12, "b has no value; expected b={...}"),
    ("x = <A b={} />", 1, 10, 12, "the braces of b are empty; expected an expression"),
    ("x = <A b={/* no */} />", 1, 10, 20, "the braces of b are empty; expected an expression"),
    ("x = <A b={1 />", 1, 10, 11, "this '{' is never closed; expected '}'"),
    ("x = <A b={(1} />", 1, 13, 14, "'}' does not close the '(' of line 1; expected ')'"),
    ("x = <A b={1)} />", 1, 12, 13, "')' does not close the '{' of line 1; expected '}'"),
    ("x = <A b={f(]} />", 1, 13, 14, "']' does not close the '(' of line 1; expected ')'"),
    ("x = <A b=(1 />", 1, 10, 11, "this '(' is never closed; expected ')'"),
    ("x = <A b=[1) />", 1, 12, 13, "')' does not close the '[' of line 1; expected ']'"),
    ("x = <A b=1 b=2 />", 1, 12, 13, "b is given twice; expected each attribute once"),
    (
        "x = <A class='a' />",
        1,
        8,
        13,
        "'class' is a word of Python; expected {...{'class': ...}} for it",
    ),
    ("x = <A data-x={1} />", 1, 8, 14, "'data-x' is no Python name; expected a name with '_'"),
    ("x = <A xml:b={1} />", 1, 8, 13, "'xml:b' is no Python name; expected a name with '_'"),
    ("x = <A {b} />", 1, 8, 9, "braces in <A> without a name; expected name={...} or {...mapping}"),
    ("x = <A {*b} />", 1, 8, 9, "braces in <A> without a name; expected name={...} or {...mapping}"),
    ("x = <A {...} />", 1, 12, 13, "nothing follows the dots; expected a mapping: {...mapping}"),
    ("x = <A 1 />", 1, 8, 9, "'1' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A ! />", 1, 8, 9, "'!' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A 'b' />", 1, 8, 9, "a quote in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A b='c />", 1, 10, 11, "this text is never closed; expected a closing '"),
    ('x = <A b="""c />', 1, 10, 13, 'this text is not closed; expected a closing """'),
    ("x = <A b={'c} />", 1, 11, 12, "this text is not closed on its line; expected a closing '"),
    ("x = <A b='c\n   d=1>\n<B e='f' /></A>", 3, 8, 9, "a quote in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A>{1</A>", 1, 10, 14, "</A> stands within braces; expected '}' before it"),
    ("x = <A>{x</A>}", 1, 10, 14, "</A> stands within braces; expected '}' before it"),
    ("x = <A>}</A>", 1, 8, 9, "a '}' that closes nothing; expected {'}'} where the character is meant"),
    ("x = <A>a < b</A>", 1, 10, 11, "'<' begins no element; expected a name after it, or &lt;"),
    (
        "x = <A><!-- no --></A>",
        1,
        8,
        9,
        "'<' begins no element; expected a name after it, or &lt;",
    ),
    (
        "x = <A>{if x: 1}</A>",
        1,
        13,
        14,
        "':' in an expression; expected a value; a dict needs its own braces, {{...}}",
    ),
    (
        "x = <A>{a: 1}</A>",
        1,
        10,
        11,
        "':' in an expression; expected a value; a dict needs its own braces, {{...}}",
    ),
    ("x = <A>{...}</A>", 1, 12, 13, "nothing follows the dots; expected a list: {...items}"),
    ("x = <A>{t =>}</A>", 1, 11, 13, "nothing follows '=>'; expected an expression"),
    ("x = <A>{/* never}</A>", 1, 9, 11, "this comment is never closed; expected '*/'"),
    ("x = <A /* never />", 1, 8, 10, "this comment is never closed; expected '*/'"),
    ("x = <if />", 1, 6, 8, "'if' is a word of Python; expected the name of a node"),
    ("x = <None.a />", 1, 6, 12, "'None.a' is a word of Python; expected the name of a node"),
    ("x = <A.>1</A.>", 1, 7, 8, "'.' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A-b />", 1, 7, 8, "'-' in <A>; expected an attribute, '>' or '/>'"),
    (
        "x = <A children={1}><B /></A>",
        1,
        8,
        16,
        "children are given twice; expected them once",
    ),
    ("x = <A b=1 2 />", 1, 12, 13, "'2' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A b=f(1, />", 1, 11, 12, "this '(' is never closed; expected ')'"),
    ("x = 'abc", 1, 5, 6, "this text is not closed on its line; expected a closing '"),
    ("x = \x00<A />", 1, 5, 6, "a zero byte; expected text"),
    ("x = <A =1 />", 1, 8, 9, "'=' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A b==1 />", 1, 9, 10, "'=' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A,B />", 1, 7, 8, "',' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A / >", 1, 8, 9, "'/' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A b={1}}/>", 1, 13, 14, "'}' in <A>; expected an attribute, '>' or '/>'"),
    ("x = <A b=}/>", 1, 10, 11, "b has no value; expected b={...}"),
    ("x = <A>\n  <B>\n  </B\n</A>", 4, 1, 2, "the closing tag of <B> is not finished; expected '>'"),
    ("x = <A>{a ? b : c}</A>", 1, 11, 12, "'?' is no Python; expected 'value if condition else other'"),
    ("x = <A>{a && <B />}</A>", 1, 11, 13, "'&&' is no Python; expected 'and'"),
    ("x = <A>{a || <B />}</A>", 1, 11, 13, "'||' is no Python; expected 'or'"),
    ("x = <A>{!a}</A>", 1, 9, 10, "'!' is no Python; expected 'not'"),
]
# The same where the words are Python's own, which differ between its versions: what was expected is ours.
PYTHONS = [
    ("x = <A>{x for}</A>", 1, 14, "a Python expression"),
    ("x = <A>{x = 1}</A>", 1, 9, "a Python expression"),
    ("x = <A>{a b}</A>", 1, 9, "a Python expression"),
    ("x = <A b={lambda: } />", 1, 19, "a Python expression"),
    ("x = <A b=lambda r: />", 1, 19, "a Python expression"),
    ("x = <A b='é' c={1 +} />", 1, 20, "a Python expression"),
    ("x = <A b={return 1} />", 1, 11, "a Python expression"),
    ("def f(:\n    pass", 1, 7, "valid Python"),
    ("x = (", 1, 5, "')'"),
    ("return <A />", 1, 1, "valid Python"),
    ("x = <A b={*c} />", 1, 11, "a Python expression"),
    ("x = <A b={**c} />", 1, 11, "a Python expression"),
    ("x = <A b=c.. />", 1, 12, "a Python expression"),
    ("x = <A>{**c}</A>", 1, 9, "a Python expression"),
    ("x = <A>{f'{'}</A>", 1, 13, "a Python expression"),
    ("x = <A b={x y} />", 1, 11, "a Python expression"),
    ("if <A /> = 1: pass", 1, 5, "a Python expression"),
    ("f(<A />) = 3", 1, 1, "valid Python"),
    ("  x = 1\n", 1, 2, "valid Python"),
    ("x = <A b={yield}/>\n x = 2", 2, 1, "valid Python"),
    ('x = f"{<A />}"', 1, 2, "valid Python"),
    ("x = <A b=@/>", 1, 10, "a Python expression"),
    ("x = <A b={\\x}/>", 1, 12, "a Python expression"),
]


def complaint(text: str) -> PxSyntaxError:
    with pytest.raises(PxSyntaxError) as caught:
        compile_px(text, "plan.px")
    return caught.value


@pytest.mark.requirement("A-3")
@pytest.mark.parametrize(("text", "line", "column", "end", "message"), OURS, ids=[one[0] for one in OURS])
def test_what_is_wrong_with_an_element_is_told_where_it_is(
    text: str, line: int, column: int, end: int, message: str
) -> None:
    error = complaint(text)
    assert (error.lineno, error.column, error.end_offset, error.msg) == (line, column, end, message)
    assert error.problem
    assert error.expected
    assert f"syntax error at column {column}: {message} (in plan.px:{line})" in str(error)
    where = error.where
    assert (where.file, where.line, where.column, where.end_column) == ("plan.px", line, column, end)
    assert where.text == error.text == text.split("\n")[line - 1]


@pytest.mark.requirement("A-3")
@pytest.mark.parametrize(("text", "line", "column", "expected"), PYTHONS, ids=[one[0] for one in PYTHONS])
def test_what_python_refuses_is_told_at_its_place_in_the_file(text: str, line: int, column: int, expected: str) -> None:
    error = complaint(text)
    assert (error.lineno, error.column, error.expected) == (line, column, expected)


@pytest.mark.requirement("A-3")
def test_there_are_enough_of_them() -> None:
    assert len({one[0] for one in [*OURS, *PYTHONS]}) >= 80


@pytest.mark.requirement("A-3")
def test_a_text_that_swallowed_a_tag_is_suspected() -> None:
    error = complaint("x = <A b='c>\n  <B d='e' />\n</A>")
    assert error.hint == "The text that begins on line 1 goes over several lines: is a closing quote missing there?"


@pytest.mark.requirement("A-3", "E-4")
def test_it_is_an_error_of_ours_and_one_of_pythons() -> None:
    error = complaint("x = <A>\n")
    assert isinstance(error, ScriptSyntaxError)
    assert isinstance(error, SyntaxError)
    assert (error.code, error.filename, error.offset) == ("E205", "plan.px", 5)


@pytest.mark.requirement("A-3")
@pytest.mark.parametrize("deep", [61, 500, 20_000])
def test_what_is_too_deep_is_told(deep: int) -> None:
    error = complaint("x = " + "<A>" * deep + "</A>" * deep)
    assert error.problem == "elements stand in one another more than 60 deep"
    assert complaint("x = " + "(" * 5 * deep).problem


@pytest.mark.requirement("A-3")
def test_sixty_deep_is_not_too_deep() -> None:
    compile_px("x = " + "<A>{" * 30 + "<A>" * 30 + "</A>" * 30 + "}</A>" * 30, "plan.px")
