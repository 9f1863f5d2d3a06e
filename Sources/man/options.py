# SPDX-License-Identifier: Apache-2.0
"""The options of programs, by what the programs themselves say of them, in mdoc(7)."""

import json
import re
import subprocess

import mdoc

COMMON = {"socket", "json", "version", "help"}


def of_usage(program):
    """Of a program whose --help has "  --option VALUE  text" lines: a list of options, and the paragraphs behind it."""
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
    items, behind = [], []
    for line in text.split("\n\n", 1)[1].splitlines():
        if found := re.match(r"  (--\S+(?:[ ,]\S+)*?)  +(\S.*)", line):
            items.append([found[1], [found[2]]])
        elif only := re.match(r"  (--\S.*)$", line):
            items.append([only[1], []])
        elif line.startswith("   ") and items and not behind:
            items[-1][1].append(line.strip())
        elif items:
            behind.append(line)
    listed = mdoc.tagged([(mdoc.argument(term), [described(" ".join(words))]) for term, words in items])
    paragraphs = "\n".join(behind).strip().split("\n\n")
    return listed + [line for text in paragraphs if text and "Exit status" not in text for line in (".Pp", mdoc.paragraph(text))]


def exit_status_of_usage(program):
    """The paragraph "Exit status: 0 this; 1 that." of --help as a list."""
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
    return exit_statuses(re.search(r"Exit status: (.*?)(\n\n|$)", text, re.S)[1])


def exit_statuses(text):
    parts = re.findall(r"(\d+|else) (.*?)(?:; |$)", " ".join(text.split()).rstrip("."))
    return mdoc.tagged([(status, [mdoc.paragraph(what)]) for status, what in parts])


def described(text):
    """`text [default]`: what is in brackets at the end is what it is unless said."""
    found = re.match(r"(.*?)\s*\[(.*)\]$", text)
    sentence, default = (found[1], found[2]) if found else (text, None)
    # A program's name stays as it is.
    first = sentence[:1] if sentence.startswith("cpumodel") else sentence[:1].upper()
    sentence = first + sentence[1:].rstrip(".")
    return mdoc.paragraph(sentence + (f" (default: {default})" if default else "") + ".")


def dump(program):
    result = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)["command"]


def arguments(command, without=frozenset()):
    """The arguments and options of one command of a program that uses Swift's ArgumentParser."""
    shown = [a for a in command.get("arguments", []) if a["shouldDisplay"] and a["valueName"] not in without]
    shown = [a for a in shown if not {name["name"] for name in a.get("names", [])} & without]
    shown.sort(key=lambda a: a["kind"] != "positional")
    return [(mdoc.argument(signature(a)), [mdoc.paragraph(explained(a))]) for a in shown]


def signature(argument):
    value = f"<{argument['valueName']}>"
    if argument["kind"] == "positional":
        return value + (" ..." if argument["isRepeating"] else "")
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument["names"]]
    return ", ".join(names) + (f" {value}" if argument["kind"] == "option" else "")


def explained(argument):
    more = []
    if argument.get("allValueStrings") or argument.get("allValues"):
        more.append("values: " + ", ".join(argument.get("allValueStrings") or argument["allValues"]))
    if argument.get("defaultValue") is not None:
        more.append("default: " + argument["defaultValue"])
    text = argument.get("abstract", "").replace("\n", " ")
    return text + (f" ({'; '.join(more)})" if more else "")


def options(program):
    """What a program takes before any verb, and with each."""
    return mdoc.tagged(arguments(dump(program)))


def verbs(program):
    """Each verb: what it does, its arguments and options."""
    out = []
    for verb in dump(program)["subcommands"]:
        if verb["commandName"] == "help":
            continue
        own = arguments(verb, COMMON)
        words = [mdoc.argument(verb["commandName"])]
        for a in verb["arguments"]:
            if a["kind"] == "positional":
                words.append(mdoc.argument(("[%s]" if a["isOptional"] else "%s") % signature(a)))
        out += [".Ss " + " ".join(words), mdoc.paragraph(verb["abstract"])]
        if verb.get("discussion"):
            out += discussion(verb["discussion"])
        out += mdoc.tagged(own) if own else []
    return out


def discussion(text):
    """Paragraphs; those that are indented are shown as they stand."""
    out = []
    for part in text.split("\n\n"):
        lines = part.splitlines()
        out += mdoc.code([line.strip() for line in lines]) if lines and lines[0].startswith("  ") else [".Pp", mdoc.paragraph(part)]
    return out


def exit_status_of_discussion(program):
    """The lines "  0  what it means" of the program's own discussion."""
    text = dump(program)["discussion"]
    return mdoc.tagged([(number, [mdoc.paragraph(what)]) for number, what in re.findall(r"^  (\d+)  (.*)$", text, re.M)])
