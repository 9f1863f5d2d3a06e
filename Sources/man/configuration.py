# SPDX-License-Identifier: Apache-2.0
"""cpumodeld.conf(5) from the shipped file: it has every key at its default, and a comment on each."""

import re

import mdoc


def keys(text):
    """A section for each of the file's, with a list of its keys."""
    out = []
    for part in re.split(r"\n(?=\[\w+\]\n)", text)[1:]:
        name, body = part.split("\n", 1)
        out.append(f".Ss {name}")
        items = []
        for block in re.split(r"\n\n+", body.strip("\n")):
            lines = block.splitlines()
            names = [found.groups() for line in lines if (found := re.match(r"#(\w+)=(.*)", line))]
            comment = " ".join(line[2:] for line in lines if line.startswith("# "))
            if names:
                items.append(listed(names, comment))
            elif comment:
                # What is said before the keys is about all of them.
                out.append(mdoc.paragraph(comment))
        out += mdoc.tagged(items)
    return out


def introduction(text):
    """What stands above the first section, without the line that says what file it is."""
    comment = re.match(r"(#.*\n)+", text)[0]
    paragraphs = re.sub(r"^# ?", "", comment, flags=re.M).split("\n\n")[1:]
    return "\n.Pp\n".join(mdoc.paragraph(part) for part in paragraphs).splitlines()


def listed(names, comment):
    """One or more keys that share a comment; a key given repeatedly is one."""
    defaults = {}
    for name, value in names:
        defaults.setdefault(name, []).append(value)
    body = [mdoc.paragraph(comment)] if comment else []
    for name, values in defaults.items():
        shown = " ".join(value for value in values if value)
        text = f"Default: `{name}={shown}`" if shown else f"Default: `{name}=`, that is, none."
        body += [".br"] * bool(body) + [mdoc.paragraph(text)]
    return (", ".join(f"\\fB{mdoc.escape(name)}=\\fP" for name in defaults), body)
