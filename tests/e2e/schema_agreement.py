#!/usr/bin/env python3
"""Shows that the JSON Schema and the parser accept and refuse the same files, and (with --envoy) what Envoy says.

The unit tests of lib/config hold the parser to the @want lines of tests/unit/config/cases/*.case; this script holds
the schema to them, too. A case marked `@schema beyond` turns on what only the whole file shows (a cluster that does
not exist, a router that is not last) or on a scalar inside a string ("99999" as a port): there the schema must accept
what the parser refuses, so that no mark goes stale. Texts that are no YAML or JSON at all have no schema verdict, nor those
that PyYAML cannot read (`@schema unread`).

Needs PyYAML and jsonschema.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


class NotAText(Exception):
    """The text is refused before any schema could see it."""


class Loader(yaml.SafeLoader):
    """Types plain scalars as Envoy's loader (and ours) does, and refuses what our reader refuses."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        out = {}
        for key_node, value_node in node.value:
            if key_node.tag == "!ignore":
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise NotAText("a key that is no scalar")
            if key_node.value in out:
                raise NotAText("duplicate key")
            out[key_node.value] = self.construct_object(value_node, deep=True)
        return out


def construct_scalar(loader, node):
    text = node.value
    if node.style is not None:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    for word, value in (("y", True), ("n", False), ("yes", True), ("no", False), ("true", True), ("false", False),
                        ("on", True), ("off", False)):
        if text in (word, word.upper(), word.capitalize()):
            return value
    if re.fullmatch(r"[+-]?0[0-7]+", text):
        raise NotAText("ambiguous octal")
    if re.fullmatch(r"[+-]?(0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)", text):
        number = int(text, 0)
        return number if -2**31 <= number < 2**31 else str(number)
    return text


def refuse_tag(loader, suffix, node):
    raise NotAText("tag " + node.tag)


Loader.add_constructor("tag:yaml.org,2002:str", construct_scalar)
Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node, deep=True))
Loader.add_multi_constructor("!", refuse_tag)
Loader.add_multi_constructor("tag:yaml.org,2002:", refuse_tag)
Loader.add_constructor("tag:yaml.org,2002:seq", lambda loader, node: loader.construct_sequence(node, deep=True))


def unique_object(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        raise NotAText("duplicate key")
    return out


def load(case):
    """The tree that the schema judges; NotAText when there is none."""
    try:
        if case["file"].endswith(".json"):
            return json.loads(case["text"], object_pairs_hook=unique_object)
        for token in yaml.scan(case["text"]):
            if isinstance(token, yaml.TagToken) and token.value != ("!", "ignore"):
                raise NotAText("a tag")
        tree = yaml.load(case["text"], Loader)
        if tree is None:
            raise NotAText("empty")
        return tree
    except (yaml.YAMLError, json.JSONDecodeError, RecursionError) as error:
        raise NotAText(str(error)) from error


def read_cases(path):
    """The same format as tests/unit/config/case_file.hpp describes."""
    templates, cases, current, kind = {}, [], None, None

    def finish():
        if current is None:
            return
        body = "\n".join(current["body"])
        if kind == "template":
            templates[current["name"]] = body
            return
        if current["use"]:
            template = templates[current["use"]]
            mark = template.index("%%")
            indent = " " * (mark - (template.rfind("\n", 0, mark) + 1))
            body = template[:mark] + body.replace("\n", "\n" + indent) + template[mark + 2:]
        current["text"] = body + "\n" if body else ""
        cases.append(current)

    for line in path.read_text().split("\n")[:-1]:
        word, _, rest = line.partition(" ")
        if word in ("@template", "@case"):
            finish()
            kind = word[1:]
            current = {"name": rest, "where": path.name, "use": "", "file": "c.yaml", "envoy": "", "schema": "",
                       "want": [], "body": []}
        elif current and kind == "case" and not current["body"] and word in (
                "@use", "@file", "@envoy", "@schema"):
            current[word[1:]] = rest
        elif current and kind == "case" and not current["body"] and word == "@want":
            current["want"].append(rest)
        elif current and not (kind == "case" and not current["body"] and word == "@env"):
            current["body"].append(line)
    finish()
    return cases


def refused(case):
    return any(re.match(r"(\d+:\d+: )?error: ", line) for line in case["want"])


def check_schema(cases, schema):
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    counts, wrong = {"agree": 0, "beyond": 0, "not a text": 0}, []
    for case in cases:
        try:
            tree = load(case)
        except NotAText as error:
            counts["not a text"] += 1
            if not refused(case) and case["schema"] != "unread":
                wrong.append((case, f"the parser accepts what is no text here: {error}"))
            continue
        accepts = validator.is_valid(tree)
        if case["schema"] == "beyond":
            counts["beyond"] += 1
            if not (accepts and refused(case)):
                wrong.append((case, "marked beyond, but schema and parser agree"))
        elif accepts == refused(case):
            reason = "" if accepts else ": " + jsonschema.exceptions.best_match(
                validator.iter_errors(tree)).message[:200]
            wrong.append((case, f"schema {'accepts' if accepts else 'refuses'}, parser does not{reason}"))
        else:
            counts["agree"] += 1
    return counts, wrong


def ask_envoy(envoy, case):
    suffix = pathlib.Path(case["file"]).suffix
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as file:
        file.write(case["text"])
        file.flush()
        result = subprocess.run(
            [envoy, "--mode", "validate", "--use-dynamic-base-id", "--concurrency", "1", "-l", "off", "-c", file.name],
            capture_output=True, timeout=60, check=False)
    return "ok" if result.returncode == 0 else "error"


def check_envoy(cases, envoy):
    """Each case has an @envoy line, and Envoy agrees with it. What we accept, Envoy accepts (a strict subset)."""
    cases = [case for case in cases if "${" not in case["text"]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda case: ask_envoy(envoy, case), cases))
    return [(case, f"Envoy says {verdict}, the case says {case['envoy'] or 'nothing'}")
            for case, verdict in zip(cases, verdicts) if verdict != case["envoy"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schema", default=ROOT / "config/holdfast.schema.json", type=pathlib.Path)
    parser.add_argument("--cases", default=ROOT / "tests/unit/config/cases", type=pathlib.Path)
    parser.add_argument("--envoy", help="an Envoy 1.40 binary: check the @envoy lines, too")
    arguments = parser.parse_args()
    cases = [case for path in sorted(arguments.cases.glob("*.case")) for case in read_cases(path)]
    counts, wrong = check_schema(cases, json.loads(arguments.schema.read_text()))
    wrong += [(case, "we accept what Envoy refuses") for case in cases
              if case["envoy"] == "error" and not refused(case)]
    if arguments.envoy:
        wrong += check_envoy(cases, arguments.envoy)
    for case, message in wrong:
        print(f"{case['where']}: {case['name']}: {message}")
    print(f"{len(cases)} cases: {counts['agree']} agree, {counts['beyond']} beyond a schema, "
          f"{counts['not a text']} refused as text; {len(wrong)} wrong")
    return 1 if wrong or len(cases) < 150 else 0


if __name__ == "__main__":
    sys.exit(main())
