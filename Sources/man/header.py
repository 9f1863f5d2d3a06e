# SPDX-License-Identifier: Apache-2.0
"""A manual page of a C library from its header: the declarations, and the comments before them."""

import re

import mdoc


def declarations(text):
    """Sections by the header's own headings, functions and types with their comments."""
    text = text[text.index("// ---- ") : text.rindex("#ifdef __cplusplus")]
    out = []
    for part in re.split(r"\n(?=// ---- )", text):
        title, body = part.split("\n", 1)
        out.append(f".Ss {re.sub(r'^// ---- | -*$', '', title)}")
        for block in re.split(r"\n\n", body.strip()):
            out += declaration(block)
    return out


def prose(lines):
    """A comment that belongs to no declaration, below a heading: paragraphs, and indented lines as they are."""
    out = []
    for part in re.split(r"\n\n", "\n".join(line[3:] for line in lines).strip("\n")):
        text = part.splitlines()
        out += mdoc.code([line[4:] for line in text]) if text[0].startswith("    ") else [".Pp", mdoc.paragraph(" ".join(text))]
    return out[1:] if out[0] == ".Pp" else out


def declaration(block):
    """One block between empty lines. Comments of members stay where they are."""
    lines = block.splitlines()
    if all(re.match(r"//($| )", line) for line in lines):
        return prose(lines)
    count = next((number for number, line in enumerate(lines) if not line.startswith("///")), len(lines))
    comment = " ".join(line[3:].strip() for line in lines[:count])
    code = [line.replace("CPUMODEL_API ", "") for line in lines[count:]]
    out = mdoc.code(code) if code else []
    return out + ([".Pp", mdoc.paragraph(comment)] if comment else [])


def introduction(text):
    """The comment at the top of the header, without its licence."""
    lines = re.match(r"(//.*\n)+", text)[0].splitlines()
    return "\n".join(line[3:] for line in lines if "SPDX" not in line).strip()
