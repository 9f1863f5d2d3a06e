# SPDX-License-Identifier: Apache-2.0
"""As much of JSON Schema as an OpenRPC document needs, to hold answers against what is published."""

import re

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "format", "$schema", "$comment"}
KNOWN = ANNOTATIONS | {
    "$ref", "type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf",
    "allOf", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern",
}  # fmt: skip


def mismatches(value, schema, document, where="$"):
    """What in `value` does not fit `schema`, one line each. `document` is what `$ref` is looked up in."""
    if schema is True or schema == {}:
        return []
    if schema is False:
        return [f"{where}: nothing may stand here"]
    found = [f"{where}: keyword {word} is not known to this test" for word in schema.keys() - KNOWN]
    if "$ref" in schema:
        return found + mismatches(value, resolve(schema["$ref"], document), document, where)
    names = schema.get("type")
    names = [names] if isinstance(names, str) else names
    if names is not None and not any(_is(value, name) for name in names):
        return found + [f"{where}: {type(value).__name__} where {' or '.join(names)} is published"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']!r}")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{where}: {value!r} does not match {schema['pattern']}")
    for kind, least, most in ((str, "minLength", "maxLength"), (list, "minItems", "maxItems")):
        if isinstance(value, kind) and not schema.get(least, 0) <= len(value) <= schema.get(most, len(value)):
            found.append(f"{where}: {len(value)} is not between {least} and {most}")
    if _is(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where}: {value} is out of bounds")
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += mismatches(item, schema.get("items", True), document, f"{where}[{index}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{where}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            rest = schema.get("additionalProperties", True)
            found += mismatches(item, properties.get(name, rest), document, f"{where}.{name}")
    for option in schema.get("allOf", ()):
        found += mismatches(value, option, document, where)
    for word in ("anyOf", "oneOf"):
        options = [mismatches(value, option, document, where) for option in schema.get(word, ())]
        if options and all(options):
            found.append(f"{where}: fits no alternative; the nearest: {min(options, key=len)}")
    return found


def resolve(reference, document):
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _is(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])
