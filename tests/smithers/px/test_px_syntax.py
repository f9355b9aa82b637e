"""What `.px` means: each text is the Python beside it."""

import ast
from pathlib import Path

import pytest

from smithers_py.px import compile_px, parse_px

# `.px`, and the Python that it is.
SAME = [
    # Elements and attributes
    ("<A />", "A()"),
    ("<A></A>", "A()"),
    ("<A\n/>", "A()"),
    ("<a.b.C d={1}/>", "a.b.C(d=1)"),
    ('<A b="c" d={2} e />', 'A(b="c", d=2, e=True)'),
    ("<A b='it\"s' />", "A(b='it\"s')"),
    ('<A b="""x\ny""" />', 'A(b="x\\ny")'),
    ("<A b='x\n  y' />", 'A(b="x\\n  y")'),
    ('<A b="a\\n\n\\"b" />', 'A(b="a\\n\\n\\"b")'),
    ("<A b=f'é{x}' />", "A(b=f'é{x}')"),
    ("<A b=f'é\n{x}' />", "A(b=f'é\\n{x}')"),
    ("<A b=r'\\d' c={rb'x'} />", "A(b=r'\\d', c=rb'x')"),
    ("<A b={{'c': 1}} />", "A(b={'c': 1})"),
    ("<A b={c, d} />", "A(b=(c, d))"),
    ("<A b={c for c in d} />", "A(b=[c for c in d])"),
    ("<A b={[c for c in d]} />", "A(b=[c for c in d])"),
    ("<A b={lambda x: x} />", "A(b=lambda x: x)"),
    ("<A b={x => x + 1} />", "A(b=lambda x: x + 1)"),
    ("<A b={(x, y) => {x: y}} />", "A(b=lambda x, y: {x: y})"),
    ("<A b={() => 1} />", "A(b=lambda: 1)"),
    ("<A b=<B /> />", "A(b=B())"),
    ("<A b={<B />} />", "A(b=B())"),
    ("<A # comment > />\n b=1 />", "A(b=1)"),
    ("<A /* comment > */ b=1 /* '*/ />", "A(b=1)"),
    ("<A {/* comment */} b={1 /* one */ + 2} />", "A(b=1 + 2)"),
    ("<A b={c # }\n} />", "A(b=c)"),
    # Without braces a value ends before '/>', '>' or what can only be the next attribute.
    ("<A b=lambda r: r.c d=1 />", "A(b=lambda r: r.c, d=1)"),
    ("<A b=lambda r, s=1: f(r, t=s) d />", "A(b=lambda r, s=1: f(r, t=s), d=True)"),
    ("<A b=-c.d[1:2](e) />", "A(b=-c.d[1:2](e))"),
    ("<A b=c if d else e f=g />", "A(b=c if d else e, f=g)"),
    ("<A b=c and not d is e f />", "A(b=c and not d is e, f=True)"),
    ("<A b=c not in d\n  e=1>t</A>", "A(b=c not in d, e=1, children=['t'])"),
    ("<A b=c >= d />", "A(b=c >= d)"),
    ("<A b=c == d />", "A(b=c == d)"),
    ("<A b=(c > d) e='f'/>", "A(b=(c > d), e='f')"),
    ("<A b='c' 'd' e='f'/>", "A(b='c' 'd', e='f')"),
    ("<A b='c' + d />", "A(b='c' + d)"),
    ("<A b='c'.join(d) e />", "A(b='c'.join(d), e=True)"),
    ("<A b={'c': 1}['c'] />", None),
    ("<A b=lambda: <B c=1 /> d=2 />", "A(b=lambda: B(c=1), d=2)"),
    ("<A b=c / d />", "A(b=c / d)"),
    ("<A b=[x for x in y] />", "A(b=[x for x in y])"),
    # Spread
    ("<A {...b} />", "A(**{**(b or {})})"),
    ("<A c=1 {...b} d={2} />", "A(**{'c': 1, **(b or {}), 'd': 2})"),
    ("<A c=x {**b}>{d}</A>", "A(**{'c': x, **(b or {}), 'children': [d]})"),
    # Children
    ("<A><B /><C /></A>", "A(children=[B(), C()])"),
    ("<A>\n  <B />\n  {c}\n</A>", "A(children=[B(), c])"),
    ("<A> <B /> </A>", "A(children=[B()])"),
    ("<A>{}</A>", "A()"),
    ("<A>{/* c */}{# d }\n}</A>", "A()"),
    ("<A>{c and <B />}</A>", "A(children=[c and B()])"),
    ("<A>{<B /> if c else <D />}</A>", "A(children=[B() if c else D()])"),
    ("<A>{<B key={c} /> for c in d if c < 3}</A>", "A(children=[[B(key=c) for c in d if c < 3]])"),
    ("<A>{[<B key={c} /> for c in d]}</A>", "A(children=[[B(key=c) for c in d]])"),
    ("<A>{*c}{...d}</A>", "A(children=[*c, *d])"),
    ("<A>{lambda x: <B c={x} />}</A>", "A(children=lambda x: B(c=x))"),
    ("<A>\n  {x => <B c={x} />}\n</A>", "A(children=lambda x: B(c=x))"),
    ("<A><B />{lambda: 1}</A>", "A(children=[B(), (lambda: 1)])"),
    ("<A>{{'b': 1}['b']}</A>", "A(children=[{'b': 1}['b']])"),
    ("<A>{'}' + \"{\" + '<B>'}</A>", "A(children=['}' + '{' + '<B>'])"),
    # Text
    ("<A>one two</A>", "A(children=['one two'])"),
    ("<A>\n  one  \n\n  two\n</A>", "A(children=['one two'])"),
    ('<A>it\'s # no comment > "here"</A>', "A(children=['it\\'s # no comment > \"here\"'])"),
    ("<A>&lt;b&gt; &amp; &#233;&#xe9; &nope; &copy</A>", "A(children=['<b> & éé &nope; &copy'])"),
    ("<A>one <B /> two</A>", "A(children=['one', B(), 'two'])"),
    ("<A>a {b}!</A>", "A(children=[*_px_text_run('a ', b, '!')])"),
    ("<A>{a} {b}</A>", "A(children=[*_px_text_run(a, ' ', b)])"),
    ("<A>{a}{b}</A>", "A(children=[a, b])"),
    ("<A>{a}\n{b}</A>", "A(children=[a, b])"),
    ("<A>a\n{b}\nc</A>", "A(children=['a', b, 'c'])"),
    ("<A>a\n  b {c} d\n e</A>", "A(children=[*_px_text_run('a b ', c, ' d e')])"),
    # Python around elements
    ("a < b", "a < b"),
    ("a <b> c", "a < b > c"),
    ("f(a <b, c> (d))", "f(a < b, c > (d))"),
    ("[<A />, <B />]", "[A(), B()]"),
    ("f(x=<A />, *<B />)", "f(x=A(), *B())"),
    ("lambda: <A />", "lambda: A()"),
    ("{'a': <A />}", "{'a': A()}"),
    ("a or <A />", "a or A()"),
    ("not <A />", "not A()"),
    ("'<A>' \"<B>\"  # <C>", "'<A>' '<B>'"),
    ("(a\n< b)", "(a < b)"),
    ("a \\\n < b", "a < b"),
    ("<A /> + <B />", "A() + B()"),
    ("x[<A />:1 << 2]", "x[A():1 << 2]"),
    ("<Ä ö={ü} />", "Ä(ö=ü)"),
]


def without_imports(text: str) -> str:
    tree = parse_px(f"x = ({text}\n)", "plan.px")
    return ast.dump(ast.Module([one for one in tree.body if not isinstance(one, ast.ImportFrom)], []))


@pytest.mark.requirement("A-1")
@pytest.mark.parametrize(("text", "python"), SAME, ids=[one[0] for one in SAME])
def test_a_text_is_the_python_beside_it(text: str, python: str | None) -> None:
    if python is None:
        with pytest.raises(SyntaxError):
            parse_px(f"x = ({text}\n)", "plan.px")
        return
    assert without_imports(text) == ast.dump(ast.parse(f"x = ({python}\n)"))


@pytest.mark.requirement("A-1")
@pytest.mark.parametrize(
    "text",
    ["return <A />", "yield <A />", "y = <A />", "<A />", "if <A />: pass", "return (\n<A>\n</A>\n)", "1; <A />"],
)
def test_statements_may_begin_with_elements(text: str) -> None:
    body = "\n    ".join(text.split("\n"))
    compile_px(f"def f(x):\n    {body}\n", "plan.px")


@pytest.mark.requirement("A-1")
def test_what_it_uses_is_imported_after_the_docstring() -> None:
    names: dict[str, object] = {}
    exec(compile_px('"""What."""\nfrom __future__ import annotations\nx = <>a {1}</>\n', "plan.px"), names)
    assert names["__doc__"] == "What."
    assert repr(names["x"]) == "<Fragment, children: 2>"


@pytest.mark.requirement("A-1")
def test_the_file_is_python_where_there_is_no_element() -> None:
    text = Path(ast.__file__).read_text(encoding="utf-8")
    assert ast.dump(parse_px(text, "ast.px"), include_attributes=True) == ast.dump(
        ast.parse(text), include_attributes=True
    )
