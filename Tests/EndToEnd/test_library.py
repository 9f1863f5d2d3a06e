# SPDX-License-Identifier: Apache-2.0
"""libcpumodel as launchers get it: what the files hold, and programs that are linked with them."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from cases import DaemonCase, needs_kvm
from harness import BINARIES, ROOT

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = ROOT / "Sources/CCPUModelClient"
HEADER = LIBRARY / "include/cpumodel.h"
COMPILER, COMPILER_CPP, PKG_CONFIG = shutil.which("cc"), shutil.which("c++"), shutil.which("pkg-config")
RUSTC = shutil.which("rustc")
SOURCES = tuple(map(str, sorted(LIBRARY.glob("*.c"))))
STRICT = ("-O1", "-g", "-Wall", "-Wextra", "-Werror")

needs_library = unittest.skipUnless(
    (BINARIES / "libcpumodel.so").exists() and HEADER.exists() and COMPILER, "there is no libcpumodel.so (make lib), or no C compiler (cc)"
)


def output(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


def compile_c(program, *sources, options=(), libraries=()):
    """A program that is linked with libcpumodel, or with what `libraries` has in its place."""
    libraries = libraries or (f"-L{BINARIES}", "-lcpumodel", f"-Wl,-rpath,{BINARIES}")
    output(
        COMPILER, "-std=gnu2x", *STRICT, *options, f"-I{HEADER.parent}", "-o", str(program), *map(str, sources),
        *libraries, "-pthread",
    )  # fmt: skip


class ProgramCase(DaemonCase):
    """Builds programs in a directory of its own."""

    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def compiled(self, source, **how):
        program = self.directory / pathlib.Path(source).stem
        compile_c(program, HERE / "c" / source, **how)
        return program

    def sanitized(self, source, sanitizer):
        """The program and the library's own sources with a sanitizer of the compiler's."""
        empty = self.directory / "empty.c"
        empty.write_text("int main(void) { return 0; }\n")
        options = (f"-fsanitize={sanitizer}", "-w")  # GCC warns of what the sanitizers put in
        try:
            compile_c(self.directory / "empty", empty, options=options)
        except subprocess.CalledProcessError as error:
            self.skipTest(f"no {sanitizer} sanitizer here: {error.stderr.splitlines()[-1]}")
        return self.compiled(source, options=options, libraries=SOURCES)

    def outcome(self, program, *arguments, **options):
        """Exit status, and what the program said and complained of."""
        done = subprocess.run(
            [str(program), self.daemon.socket_path, *map(str, arguments)], capture_output=True, text=True,
            timeout=50, check=False, **options,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr


@needs_library
class LibraryFiles(unittest.TestCase):
    """What `make lib` makes, before anything runs."""

    shared, static = BINARIES / "libcpumodel.so", BINARIES / "libcpumodel.a"

    def public_names(self):
        """The functions of the header."""
        names = re.findall(r"^CPUMODEL_API\b[^(;]*?\b(\w+)\(", HEADER.read_text(), re.MULTILINE)
        self.assertGreater(len(names), 10)
        return sorted(names)

    def test_public_names_and_no_others_with_their_version(self):
        lines = output("nm", "-D", "--defined-only", "--with-symbol-versions", str(self.shared)).splitlines()
        symbols = [line.split()[-1] for line in lines if " A " not in line]
        self.assertEqual(sorted(each.split("@@")[0] for each in symbols), self.public_names())
        for symbol in symbols:
            self.assertRegex(symbol, r"@@CPUMODEL_\d+\.\d+$")

    def test_archive_has_the_same_names(self):
        lines = output("nm", "-g", "--defined-only", str(self.static)).splitlines()
        self.assertEqual(sorted(line.split()[-1] for line in lines if " T " in line), self.public_names())
        self.assertEqual([line for line in lines if re.search(r" [^T] ", line)], [])

    def test_needs_libc_and_nothing_else(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", str(self.shared)))
        self.assertEqual([name for name in needed if not name.startswith("ld-linux")], ["libc.so.6"])

    def test_soname_and_links(self):
        (soname,) = re.findall(r"\(SONAME\).*\[(.*)\]", output("readelf", "-dW", str(self.shared)))
        self.assertRegex(soname, r"^libcpumodel\.so\.\d+$")
        for name in (soname, "libcpumodel.so"):
            self.assertEqual(os.readlink(BINARIES / name), self.shared.resolve().name)

    def test_no_global_state(self):
        """Nothing that can be written to is in the archive, for the whole process or for a thread."""
        with tempfile.TemporaryDirectory() as directory:
            output("ar", "x", str(self.static), cwd=directory)
            (member,) = pathlib.Path(directory).iterdir()
            sections = output("readelf", "-SW", str(member))
        sizes = re.findall(r"\] (\.(?:data|bss|tdata|tbss)\S*)\s+\w+\s+[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+)", sections)
        self.assertIn(".data", dict(sizes))
        for name, size in sizes:
            if not name.startswith(".data.rel.ro"):
                self.assertEqual(int(size, 16), 0, name)

    def test_structures_are_laid_out_as_launchers_have_them(self):
        """Launchers that are built already must go on: a change here takes another soname."""
        layout = {
            "struct cpumodel_error": (560, {"kind": 4, "message": 36, "data": 552}),
            "struct cpumodel_topology": (20, {"threads": 16}),
            "struct cpumodel_vm": (
                136,
                {"topology": 28, "apic_ids": 48, "drop_unavailable": 60, "execute": 64, "keep": 88, "parameters": 96},
            ),
            "struct cpumodel_agent_options": (88, {"request_id": 16, "vcpu_count": 32, "execute": 40}),
            "struct cpumodel_bit": (16, {"feature": 8}),
            "struct cpumodel_difference": (48, {"reg": 8, "want": 16, "kind": 24, "bits": 32}),
            "struct cpumodel_difference_set": (16, {"count": 8}),
            "struct cpumodel_vcpu": (32, {"verdict": 12, "stamp": 16, "difference_set": 24}),
            "struct cpumodel_feature": (16, {"reason": 8}),
            "struct cpumodel_result": (96, {"stamp": 24, "vcpus": 32, "missing": 64, "json": 80, "request_id": 88}),
            "struct cpumodel_table": (16, {"cpuid": 8}),
            "struct cpumodel_tables": (64, {"vcpus": 16, "msrs": 32, "missing": 40, "json": 56}),
        }
        found = re.findall(r"^struct (\w+) \{", HEADER.read_text(), re.MULTILINE)
        self.assertEqual(sorted(f"struct {name}" for name in found), sorted(layout))
        lines = ["#include <cpumodel.h>", "#include <stddef.h>"]
        for name, (size, members) in layout.items():
            lines.append(f'_Static_assert(sizeof({name}) == {size}, "{name}");')
            for member, offset in members.items():
                lines.append(f'_Static_assert(offsetof({name}, {member}) == {offset}, "{name}.{member}");')
        command = [COMPILER, "-std=c11", f"-I{HEADER.parent}", "-fsyntax-only", "-x", "c", "-"]
        done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")

    def test_header_alone_in_c99_and_in_cpp(self):
        options = ("-pedantic-errors", *STRICT, "-fsyntax-only", str(HEADER))
        output(COMPILER, "-std=c99", "-x", "c", *options)
        if COMPILER_CPP:
            output(COMPILER_CPP, "-std=c++17", "-x", "c++", *options)

    @unittest.skipUnless(PKG_CONFIG, "pkg-config is not installed here")
    def test_pkg_config(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for folder, files in (
                ("include", [HEADER]), ("lib", [self.shared, self.static]),
                ("lib/pkgconfig", [BINARIES / "libcpumodel.pc"]),
            ):  # fmt: skip
                (root / folder).mkdir()
                for file in files:
                    shutil.copy(file, root / folder)
            shutil.copy(self.shared, root / "lib" / "libcpumodel.so.0")
            environment = {**os.environ, "PKG_CONFIG_PATH": str(root / "lib/pkgconfig")}
            query = (PKG_CONFIG, f"--define-variable=prefix={root}", "--cflags", "--libs")
            source = root / "main.c"
            source.write_text(
                "#include <cpumodel.h>\n#include <stdio.h>\n"
                "int main(void) { return puts(cpumodel_verdict_name(CPUMODEL_EXACT)) < 0; }\n"
            )
            flags = output(*query, "libcpumodel", env=environment).split()
            output(COMPILER, *STRICT, "-o", str(root / "shared"), str(source), *flags)
            self.assertEqual(output(str(root / "shared"), env={"LD_LIBRARY_PATH": str(root / "lib")}), "exact\n")
            flags = output(*query, "--static", "libcpumodel", env=environment).split()
            output(COMPILER, *STRICT, "-static", "-o", str(root / "static"), str(source), *flags)
            self.assertEqual(output(str(root / "static")), "exact\n")

    def test_version_is_the_daemons(self):
        version = re.search(r"^Version: (.*)$", (BINARIES / "libcpumodel.pc").read_text(), re.MULTILINE)[1]
        self.assertEqual(self.shared.resolve().name, f"libcpumodel.so.{version}")
        self.assertEqual(output(str(BINARIES / "cpumodeld"), "--version").split()[-1], version)


@needs_library
@needs_kvm
class Contract(ProgramCase):
    """What the header says, said by a program that uses all of it."""

    def test_every_function_does_what_the_header_says(self):
        program = self.compiled("contract.c")
        self.assertEqual(self.outcome(program), (0, "ok\n", ""))
        self.check_descriptors_are_as_before()

    def test_nothing_leaks(self):
        """The same under AddressSanitizer, which looks for leaks at the end."""
        program = self.sanitized("contract.c", "address,undefined")
        self.assertEqual(self.outcome(program), (0, "ok\n", ""))


@needs_library
@needs_kvm
@unittest.skipUnless(RUSTC, "there is no Rust compiler (rustc)")
class Rust(ProgramCase):
    """The example in Rust: Sources/CCPUModelClient/examples/launch.rs."""

    def setUp(self):
        super().setUp()
        self.program = self.directory / "launch"
        output(
            RUSTC, "--edition", "2021", "-D", "warnings", "-L", str(BINARIES), "-l", "cpumodel",
            "-C", f"link-arg=-Wl,-rpath,{BINARIES}", "-o", str(self.program), str(LIBRARY / "examples/launch.rs"),
        )  # fmt: skip

    def launch(self, *arguments):
        environment = {**os.environ, "CPUMODELD_SOCKET": self.daemon.socket_path}
        done = subprocess.run(
            [str(self.program), *arguments], capture_output=True, text=True, env=environment, timeout=50, check=False
        )
        return done.returncode, done.stdout

    def test_it_applies_a_model(self):
        status, said = self.launch("host", "accept")
        self.assertEqual(status, 0, said)
        model, verdict, stamp = said.split()
        result = self.apply(self.make_vm(2), model="host", topology={"cores": 2})
        self.assertEqual((model, verdict, stamp), (result["model"], result["verdict"], result["stamp"]))

    def test_it_is_told_why_not(self):
        status, said = self.launch("EPYC-Milano")
        self.assertEqual(status, 1)
        self.assertIn("(unknownModel, -32001)", said)


@needs_library
@needs_kvm
class UnderSeccomp(ProgramCase):
    """Launchers whose filters allow what the header lists, and kill for all else."""

    OF_THE_PROGRAM = ("write", "exit_group")
    GLIBC = "glibc 2.36"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        defines = output(COMPILER, "-E", "-dM", "-include", "asm/unistd_64.h", "-x", "c", "/dev/null")
        cls.numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", defines)}
        section = HEADER.read_text().split("// ---- Under seccomp")[1]
        rows = re.findall(r"^//     ([^:]*): (.*)$", section, re.MULTILINE)
        cls.always, cls.sometimes = set(), set()
        for row, names in rows:
            if row != "cpumodel_request_tile_data":  # which comes before the first vCPU
                names = names.replace("all of the above, ", "")
                cls.sometimes |= set(re.findall(r"\w+", " ".join(re.findall(r"\[(.*?)\]", names))))
                cls.always |= set(re.findall(r"\w+", re.sub(r"\[.*?\]", "", names)))
        cls.sometimes -= cls.always
        assert "recvmsg" in cls.always and "clone" in cls.sometimes

    def run_filtered(self, program, mode, names):
        numbers = [str(self.numbers[name]) for name in (*names, *self.OF_THE_PROGRAM)]
        command = [str(program), mode, self.daemon.socket_path, *numbers]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        return done.returncode, done.stdout

    def is_that_glibc(self):
        return os.confstr("CS_GNU_LIBC_VERSION") == self.GLIBC

    def test_list_is_enough(self):
        program = self.compiled("filtered.c")
        names = self.always if self.is_that_glibc() else self.always | self.sometimes
        self.assertEqual(self.run_filtered(program, "inside", names), (0, "ok"))

    def test_everything_on_the_list_is_needed(self):
        if not self.is_that_glibc():
            self.skipTest(f"the list is that of {self.GLIBC}")
        program = self.compiled("filtered.c")
        # Whether a thread comes to wait is the scheduler's affair.
        for name in sorted(self.always - {"futex"}):
            with self.subTest(name):
                self.assertNotEqual(self.run_filtered(program, "inside", self.always - {name}), (0, "ok"))

    def test_filter_that_comes_later(self):
        """The VMM's own filter is there for the agent's threads, too."""
        program = self.compiled("filtered.c")
        self.assertEqual(self.run_filtered(program, "before", self.always | self.sometimes), (0, "ok"))


@needs_library
@needs_kvm
class Threads(ProgramCase):
    """Many threads, with connections of their own and with one for all of them."""

    def test_results_are_everyones_own(self):
        program = self.compiled("threads.c")
        self.assertEqual(self.outcome(program, 8, 8, 10), (0, "ok\n", ""))

    def test_no_data_race(self):
        """The library and its threads under ThreadSanitizer."""
        program = self.sanitized("threads.c", "thread")
        outcome = self.outcome(program, 4, 4, 3)
        if "unexpected memory mapping" in outcome[2]:
            self.skipTest("ThreadSanitizer cannot run on this kernel")
        self.assertEqual(outcome, (0, "ok\n", ""))
