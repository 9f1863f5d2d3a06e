# SPDX-License-Identifier: Apache-2.0
"""The manual pages: made without an error, and no option, verb or key is in one place only."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import BINARIES, ROOT, binary

SOURCES = ROOT / "Sources/man"
# Every program, and the page that must tell of its options.
PROGRAMS = {
    "cpumodeld": "cpumodeld.8",
    "cpumodelctl": "cpumodelctl.1",
    "cpumodel-exec": "cpumodel-exec.1",
    "cpumodel-launch": "cpumodel-launch.1",
    "cpumodeld-inject": "cpumodeld-inject.8",
}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def plain(page):
    """The text of a page without its markup."""
    text = re.sub(r"\\f[BPRI]|\\&", "", page)
    return text.replace("\\-", "-").replace("\\e", "\\").replace('""', '"')


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-man-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        for source in SOURCES.glob("*.in"):
            made = run(sys.executable, "-B", str(SOURCES / "generate.py"), str(source), str(BINARIES))
            if made.returncode != 0 or made.stderr:
                raise AssertionError(f"{source.name}: {made.stderr}")
            (cls.directory / source.stem).write_text(made.stdout)

    def page(self, name):
        return plain((self.directory / name).read_text())

    def lists(self, name):
        """What the page has as items of lists."""
        return re.findall(r'^\.It "?(.*?)"?$', self.page(name), re.M)

    def test_options_are_those_of_help(self):
        for program, name in PROGRAMS.items():
            with self.subTest(program):
                items = " ".join(item for item in self.lists(name) if item.startswith("-"))
                expected = self.options_of_help(program)
                self.assertIn("--socket", expected)
                self.assertEqual(set(re.findall(r"--[a-z][a-z-]*", items)), expected)

    def options_of_help(self, program):
        help_texts = [run(binary(program), "--help").stdout]
        for verb in self.verbs() if program == "cpumodelctl" else []:
            help_texts.append(run(binary(program), "help", verb).stdout)
        # Options stand at the beginning of a line; behind that they are only spoken of.
        lines = [line for text in help_texts for line in text.splitlines() if re.match(r"  +-", line)]
        terms = [re.split(r"  +", line.strip())[0] for line in lines]
        return {option for term in terms for option in re.findall(r"--[a-z][a-z-]*", term)}

    @staticmethod
    def verbs():
        text = run(binary("cpumodelctl"), "--help").stdout
        return set(re.findall(r"^  ([a-z]+) {2,}\S", text, re.M)) - {"help"}

    def test_verbs_are_those_of_help(self):
        verbs = self.page("cpumodelctl.1").split(".Sh VERBS")[1].split(".Sh")[0]
        self.assertEqual(set(re.findall(r'^\.Ss "([a-z]+)"', verbs, re.M)), self.verbs())

    def test_keys_are_those_of_the_configuration(self):
        configuration = (ROOT / "config/cpumodeld.conf").read_text()
        keys = {key for item in self.lists("cpumodeld.conf.5") for key in re.findall(r"(\w+)=", item)}
        self.assertEqual(keys, set(re.findall(r"^#(\w+)=", configuration, re.M)))

    def test_every_function_of_the_library_is_told_of(self):
        header = (ROOT / "Sources/CCPUModelClient/include/cpumodel.h").read_text()
        functions = set(re.findall(r"^CPUMODEL_API [^(]*?\b(cpumodel_\w+)\(", header, re.M))
        self.assertGreater(len(functions), 10)
        page = self.page("libcpumodel.3")
        self.assertEqual({name for name in functions if f"{name}(" not in page}, set())

    def test_pages_that_are_spoken_of_are_there(self):
        pages = {path.name for path in self.directory.iterdir()}
        for name in pages:
            for title, section in re.findall(r"^\.Xr (\S*cpumodel\S*) (\d)", self.page(name), re.M):
                self.assertIn(f"{title}.{section}", pages, name)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_has_nothing_against_them(self):
        result = run("mandoc", "-T", "lint", "-W", "warning", *sorted(map(str, self.directory.iterdir())))
        self.assertEqual(result.stdout, "")

    @unittest.skipUnless(shutil.which("groff") and shutil.which("man"), "man or groff is not installed")
    def test_man_has_nothing_against_them(self):
        for path in self.directory.iterdir():
            self.assertEqual(run("man", "--warnings", "-l", str(path)).stderr, "", path.name)
