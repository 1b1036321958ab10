"""How is a docstring read that was written for people? Its indented formulas stay as they are; a star is a star.

Docstrings here are plain text with ``code``, examples, and sections Args, Attributes, Returns and Raises. To
reStructuredText an indented block would be a quotation, ``(N, *spatial)`` the beginning of emphasis, and |x| a
substitution.
"""

import re
import textwrap

_SECTION = re.compile(r"(Args|Attributes|Returns|Raises):\n")
_CODE_OR_MARK = re.compile(r"(``.*?``|:\w+:`.*?`|^ *\* )|([*|]|(?<=\w)_(?=\W|$))", re.MULTILINE)
_ARGUMENT = re.compile(r"^(\w+): ", re.MULTILINE)


def setup(app):
    """Read docstrings so."""
    app.connect("autodoc-process-docstring", lambda *event: plain(event[-1]))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def plain(lines: list[str]) -> None:
    """Rewrite a docstring's lines, in place, as reStructuredText."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines).strip())
    lines[:] = [*"\n\n".join(map(_block, blocks)).split("\n"), ""]


def _block(text):
    """One paragraph, example, formula or section."""
    if text.lstrip().startswith(">>>"):
        return text
    if text.startswith("    "):
        return f"::\n\n{text}"
    text = _CODE_OR_MARK.sub(lambda match: match[1] or "\\" + match[2], text)
    if not (section := _SECTION.match(text)):
        return text
    body = textwrap.dedent(text[section.end() :])
    if field := {"Args": "param", "Attributes": "ivar"}.get(section[1]):
        return _ARGUMENT.sub(rf":{field} \1: ", body)
    return textwrap.indent(body, "    ").replace("    ", f":{section[1]}: ", 1)
