# SPDX-License-Identifier: Apache-2.0
"""make install and make uninstall, into a directory."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from cases import needs_kvm
from harness import BINARIES, MODELS, ROOT, Daemon

PROGRAMS = ["cpumodel-exec", "cpumodel-launch", "cpumodelctl", "cpumodeld", "cpumodeld-inject"]
UNITS = ["cpumodeld-inject.service", "cpumodeld-inject.socket", "cpumodeld-query.socket", "cpumodeld.service"]
UNITS += ["cpumodeld.socket"]
UNIT_DIRECTORY = "usr/lib/systemd/system"
LIBRARY = ["libcpumodel.a", "libcpumodel.so", "libcpumodel.so.0", "libcpumodel.so.0.1.0", "pkgconfig/libcpumodel.pc"]


@unittest.skipUnless(shutil.which("make") and shutil.which("cc"), "make or a C compiler is not installed")
class Installation(unittest.TestCase):
    """Swift's programs are those that are tested, and not built anew; all else is as it is delivered."""

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="cpumodeld-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.root = cls.directory / "root"
        cls.make("install")

    @classmethod
    def make(cls, target, *variables):
        arguments = ["make", "-C", str(ROOT), "-o", f"{BINARIES}/.complete", target, f"RELEASE={BINARIES}"]
        arguments += [f"DELIVERY={cls.directory}/delivery", f"UNITDIR=/{UNIT_DIRECTORY}"]
        # The flags of a make that runs this test are not meant for the one that it tests.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        variables = variables or [f"DESTDIR={cls.root}", "PREFIX=/usr"]
        result = subprocess.run([*arguments, *variables], env=environment, capture_output=True, text=True)
        if result.returncode != 0:
            raise AssertionError(f"make {target} failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    @staticmethod
    def files(root):
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())

    def test_what_is_installed(self):
        expected = [f"usr/bin/{name}" for name in PROGRAMS]
        expected += [f"{UNIT_DIRECTORY}/{name}" for name in UNITS]
        expected += [f"usr/lib/cpumodeld/models/{path.name}" for path in MODELS.glob("*.cpumodel")]
        expected += ["etc/cpumodeld/cpumodeld.conf", "usr/lib/cpumodeld/libcpumodel-preload.so"]
        expected += ["usr/include/cpumodel.h", "usr/lib/python3/dist-packages/cpumodel.py"]
        expected += [f"usr/lib/{name}" for name in LIBRARY]
        expected += ["usr/lib/cpumodeld/cpumodeld-inject-filters.conf"]
        expected += ["usr/lib/sysusers.d/cpumodeld.conf", "usr/lib/systemd/catalog/cpumodeld.catalog"]
        for name in ("cpumodelctl", "cpumodeld"):
            expected += [f"usr/share/bash-completion/completions/{name}", f"usr/share/zsh/site-functions/_{name}"]
            expected += [f"usr/share/fish/vendor_completions.d/{name}.fish"]
        pages = [path.stem for path in (ROOT / "Sources/man").glob("*.in")]
        expected += [f"usr/share/man/man{page[-1]}/{page}" for page in pages]
        self.assertEqual(self.files(self.root), sorted(expected))

    def test_modes(self):
        for name in self.files(self.root):
            if (self.root / name).is_symlink():
                continue
            mode = (self.root / name).stat().st_mode & 0o7777
            self.assertEqual(mode, 0o755 if name.startswith("usr/bin/") else 0o644, name)

    def test_a_second_installation_keeps_the_configuration(self):
        root = self.directory / "second"
        place = [f"DESTDIR={root}", "PREFIX=/usr"]
        self.make("install", *place)
        configuration = root / "etc/cpumodeld/cpumodeld.conf"
        configuration.write_text("[Daemon]\nLog=stderr\n")
        self.assertIn(str(configuration), self.make("install", *place))
        self.assertEqual(configuration.read_text(), "[Daemon]\nLog=stderr\n")
        self.assertIn(str(configuration), self.make("uninstall", *place))
        self.assertEqual(self.files(root), ["etc/cpumodeld/cpumodeld.conf"])

    def test_nothing_is_left(self):
        root = self.directory / "third"
        place = [f"DESTDIR={root}", "PREFIX=/opt/cpumodeld", "SYSCONFDIR=/opt/cpumodeld/etc"]
        self.make("install", *place)
        unit = root / UNIT_DIRECTORY / "cpumodeld.service"
        self.assertEqual(re.findall(r"^ExecStart=(\S+)$", unit.read_text(), re.M), ["/opt/cpumodeld/bin/cpumodeld"])
        self.assertNotIn("/usr/bin/cpumodel", unit.read_text())
        self.make("uninstall", *place)
        self.assertEqual(self.files(root), [])
        for name in ("etc/cpumodeld", "lib/cpumodeld"):
            self.assertFalse((root / "opt/cpumodeld" / name).exists(), name)

    @needs_kvm
    def test_what_was_installed_works(self):
        class Installed(Daemon):
            program = str(self.root / "usr/bin/cpumodeld")
            models = self.root / "usr/lib/cpumodeld/models"

        daemon = Installed("--config", str(self.root / "etc/cpumodeld/cpumodeld.conf"))
        self.addCleanup(daemon.remove)
        self.addCleanup(daemon.stop)
        daemon.start()
        self.assertEqual(os.readlink(f"/proc/{daemon.process.pid}/exe"), daemon.program)
        environment = {**os.environ, "CPUMODELD_SOCKET": daemon.socket_path}

        def run(name, *arguments):
            program = [str(self.root / "usr/bin" / name), *arguments]
            return subprocess.run(program, env=environment, capture_output=True, text=True)

        launched = run("cpumodel-launch", "--name", "web-1", "--altered", "accept", "--no-run")
        self.assertEqual(launched.returncode, 0, launched.stdout + launched.stderr)
        # It finds the library that it loads beside where it was installed itself.
        launch = str(self.root / "usr/bin/cpumodel-launch")
        run_in = run("cpumodel-exec", "--model", "host", "--", launch, "--help")
        self.assertEqual((run_in.returncode, run_in.stderr), (0, ""))
        self.assertIn("cpumodeld", run("cpumodelctl", "status").stdout)

    @unittest.skipUnless(shutil.which("pkg-config"), "pkg-config is not installed")
    def test_a_launcher_is_built_with_what_was_installed(self):
        environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        environment["PKG_CONFIG_LIBDIR"] = str(self.root / "usr/lib/pkgconfig")
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "libcpumodel"], env=environment, check=True, capture_output=True, text=True
        ).stdout.split()
        # Directories that a compiler searches anyway are not named, though they are elsewhere here.
        flags += [f"-I{self.root}/usr/include", f"-L{self.root}/usr/lib"]
        source = self.directory / "launcher.c"
        source.write_text("""
            #include <cpumodel.h>
            #include <stdio.h>
            int main(void) { return puts(cpumodel_verdict_name(CPUMODEL_EXACT)) < 0; }
        """)
        program = str(self.directory / "launcher")
        subprocess.run(["cc", "-o", program, str(source), *flags], check=True)
        needed = subprocess.run(["objdump", "-p", program], check=True, capture_output=True, text=True).stdout
        self.assertIn("libcpumodel.so.0", re.findall(r"NEEDED +(\S+)", needed))
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.root / "usr/lib")}
        said = subprocess.run([program], env=environment, check=True, capture_output=True, text=True).stdout
        self.assertEqual(said, "exact\n")

    def test_programs_in_c_need_the_c_library_alone(self):
        for name in ("cpumodel-exec", "cpumodel-launch", "cpumodeld-inject"):
            text = subprocess.run(
                ["objdump", "-p", str(self.root / "usr/bin" / name)], capture_output=True, text=True
            ).stdout
            self.assertEqual(re.findall(r"NEEDED +(\S+)", text), ["libc.so.6"], name)

    def test_completions_are_scripts_of_their_shells(self):
        script = self.root / "usr/share/bash-completion/completions/cpumodelctl"
        checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        self.assertTrue((self.root / "usr/share/zsh/site-functions/_cpumodelctl").read_text().startswith("#compdef"))
        fish = (self.root / "usr/share/fish/vendor_completions.d/cpumodelctl.fish").read_text()
        self.assertIn("complete -c 'cpumodelctl'", fish)
