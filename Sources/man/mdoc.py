# SPDX-License-Identifier: Apache-2.0
"""The little of mdoc(7) that generated parts of pages need."""

import re


def escape(text):
    """Text as it is: no character of it means anything to mdoc."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("\u2019", "'")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def inline(text):
    """A run of Markdown: `code` and **stress** in bold, links as their words."""
    return "".join(spans(text))


def spans(text, plain=lambda part: part):
    """The same in pieces; those that are neither code nor stress go through `plain`."""
    text = re.sub(r"<doc:([^>]*)>", r"\1", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    for mark, part in marked(text):
        yield rf"\fB{escape(part)}\fP" if mark else plain(hyphens(part))


def marked(text):
    """Pieces with their marks: two backticks or one, two stars, or none."""
    for found in re.finditer(r"(``|`|\*\*)(.+?)\1|.(?:[^`*]|\*(?!\*))*", text):
        yield (found[1], found[2]) if found[1] else ("", found[0])


def hyphens(text):
    """A hyphen between letters may stay one; any other is a minus or a dash that means itself."""
    text = text.replace("\\", "\\e")
    return re.sub(r"(?<![A-Za-z])-|-(?![A-Za-z])", r"\\-", text)


def sentences(text):
    """A line for each sentence, as mdoc has it."""
    return re.sub(r"(?<!\.\.)(?<!e\.g)(?<!i\.e)([.!?][)\"]?) +(?=\S|$)", r"\1\n", text)


def paragraph(text):
    """A paragraph of Markdown."""
    text = "".join(spans(" ".join(text.split()), sentences)).strip()
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def code(lines):
    """Lines that are shown as they stand."""
    return [".Bd -literal -offset indent", *map(escape, lines), ".Ed"]


def tagged(items):
    """A list of terms, each with the lines that explain it."""
    lines = [".Bl -tag -width Ds"]
    for term, body in items:
        lines += [f".It {term}", *body]
    return [*lines, ".El"]


def argument(text):
    """Text as one argument of a macro: no word of it is taken for a macro itself."""
    return '"\\&' + escape(text).replace('"', '""') + '"'
