# SPDX-License-Identifier: Apache-2.0
"""Markdown, as far as the documents of this project use it, in mdoc(7)."""

import re

import mdoc

# Titles of last columns that go without saying.
EXPLAINING = {"meaning", "means", "what", "what stays"}


def part(text):
    """The document without its title and first line; its headings become sub-sections, its tables lists."""
    lines, at, out = text.splitlines(), 0, []
    while at < len(lines):
        line = lines[at]
        if heading := re.match(r"(#+) (.*)", line):
            out += headings(len(heading[1]), heading[2])
            at += 1
        elif line.startswith("|"):
            end = block_end(lines, at, lambda line: line.startswith("|"))
            out += table(lines[at:end])
            at = end
        elif line.startswith("    ") or line.startswith("\t"):
            end = block_end(lines, at, lambda line: line.startswith("    ") or not line.strip())
            out += mdoc.code([line[4:] for line in trimmed(lines[at:end])])
            at = end
        elif line.startswith("```"):
            end = next(number for number in range(at + 1, len(lines)) if lines[number].startswith("```"))
            out += mdoc.code(lines[at + 1 : end])
            at = end + 1
        elif line.startswith("- "):
            end = block_end(lines, at, lambda line: line.startswith(("- ", "  ")))
            out += bullets(lines[at:end])
            at = end
        elif not line.strip():
            at += 1
        else:
            end = block_end(lines, at, lambda line: line.strip() and not re.match(r"[#|]|- |```|    ", line))
            out += [".Pp", mdoc.paragraph(" ".join(lines[at:end]))]
            at = end
    return without_needless_breaks(out)


def headings(depth, title):
    """The title is the page's own, and "Overview" is where it begins."""
    return [] if depth == 1 or title == "Overview" else [".Ss " + mdoc.inline(title)]


def block_end(lines, at, belongs):
    while at < len(lines) and belongs(lines[at]):
        at += 1
    return at


def trimmed(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def table(rows):
    """A list of the first column; the columns between are named, the last is the text."""
    header, _, *rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    items = []
    for first, *rest in rows:
        between = [f"{name}: {cell}" for name, cell in zip(header[1:-1], rest[:-1]) if cell]
        body = [mdoc.paragraph("; ".join(between) + ".")] if between else []
        if rest[-1]:
            named = rest[-1] if len(rest) == 1 or header[-1] in EXPLAINING else f"{header[-1]}: {rest[-1]}"
            body += [".br"] * bool(body) + [mdoc.paragraph(named)]
        items.append((mdoc.inline(first), body))
    return mdoc.tagged(items)


def bullets(lines):
    items = re.split(r"\n- ", "\n" + "\n".join(lines))[1:]
    body = [part for item in items for part in (".It", mdoc.paragraph(item))]
    return [".Bl -bullet", *body, ".El"]


def without_needless_breaks(lines):
    """A paragraph's break is none behind a heading or before a list."""
    return [
        line
        for number, line in enumerate(lines)
        if line != ".Pp" or number > 0 and not lines[number - 1].startswith((".Sh", ".Ss"))
    ]
