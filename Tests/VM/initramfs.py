# SPDX-License-Identifier: Apache-2.0
"""Writes the initramfs: an archive that Linux unpacks into memory and boots from.

Everything that runs in the emulated host is in it, as files of this machine: the programs under
test with the shared libraries they need, this Python, the tests. So it needs no disk, no network
and no file system of the host, and both emulators boot the same.
"""

import os
import pathlib
import stat
import subprocess
import sys
import sysconfig
import tempfile

# Parts of Python that the tests do not need: an emulated CPU takes long to load what it never uses.
NOT_OF_PYTHON = {
    "config", "curses", "dbm", "distutils", "ensurepip", "idlelib", "lib2to3", "lib-dynload", "pydoc_data",
    "site-packages", "dist-packages", "sqlite3", "test", "tests", "tkinter", "turtledemo", "venv", "wsgiref",
}  # fmt: skip

# Its modules in C, with libraries of their own, that the standard library's tests and pages need and ours do not.
NOT_OF_EXTENSIONS = (
    "_codecs", "_crypt", "_curses", "_dbm", "_decimal", "_gdbm", "_sqlite3", "_ssl", "_test", "_tkinter", "_xx", "nis",
    "ossaudiodev", "readline", "xx",
)  # fmt: skip


class Archive:
    """A cpio archive of the `newc` format (Documentation/driver-api/early-userspace/buffer-format)."""

    def __init__(self, file):
        self._file = file
        self._inode = 0
        self._folders = {pathlib.PurePosixPath("/")}
        self._libraries = set()
        self.library_folders = set()

    def data(self, path, data, mode=0o644):
        self._entry(path, stat.S_IFREG | mode, data)

    def file(self, path, source, mode=None):
        """A file with its time, by which Python knows whether what it compiled is still good."""
        status = os.stat(source)
        mode = stat.S_IFREG | (mode or stat.S_IMODE(status.st_mode))
        self._entry(path, mode, pathlib.Path(source).read_bytes(), int(status.st_mtime))

    def tree(self, path, source, leave_out=frozenset()):
        """All of a folder, but what `leave_out` names whole or up to a dash, and what Python compiled with -O."""
        for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
            if entry.name in leave_out or entry.name.split("-")[0] in leave_out or ".opt-" in entry.name:
                continue
            if entry.is_dir():
                self.tree(f"{path}/{entry.name}", entry.path, leave_out)
            elif entry.is_file():
                self.file(f"{path}/{entry.name}", entry.path)

    def program(self, path, source):
        """A program, and the shared libraries that the loader finds for it here, where it finds them."""
        self._stripped(path, source)
        self.libraries(source)

    def libraries(self, source):
        listing = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout
        for library in {word for word in listing.split() if word.startswith("/")}:
            self.library_folders.add(os.path.dirname(library))
            if library not in self._libraries:
                self._libraries.add(library)
                self._stripped(library, library)

    def python(self):
        """The Python that runs this, at its place."""
        self.program(os.path.realpath(sys.executable), os.path.realpath(sys.executable))
        self.link("/bin/python3", os.path.realpath(sys.executable))
        for kind in dict.fromkeys((sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))):
            self.tree(kind, kind, NOT_OF_PYTHON)
            for extension in sorted(pathlib.Path(kind).glob("lib-dynload/*.so")):
                if not extension.name.startswith(NOT_OF_EXTENSIONS):
                    self.program(extension, extension)

    def link(self, path, target):
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def end(self):
        self._header("TRAILER!!!", 0, b"")

    def _stripped(self, path, source):
        """A program or library without what only a debugger reads, which can be most of it."""
        with tempfile.NamedTemporaryFile() as smaller:
            command = ["strip", "--strip-debug", "-o", smaller.name, source]
            done = subprocess.run(command, capture_output=True, check=False)
            self.file(path, smaller.name if done.returncode == 0 else source, 0o755)

    def _entry(self, path, mode, data, time=0):
        path = pathlib.PurePosixPath(path)
        for folder in reversed(path.parents):
            if folder not in self._folders:
                self._folders.add(folder)
                self._header(str(folder)[1:], stat.S_IFDIR | 0o755, b"")
        self._header(str(path)[1:], mode, data, time)

    def _header(self, name, mode, data, time=0):
        self._inode += 1
        name = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, time, len(data), 0, 0, 0, 0, len(name), 0)
        self._padded(b"070701" + b"".join(b"%08X" % field for field in fields) + name)
        self._padded(data)

    def _padded(self, data):
        self._file.write(data)
        self._file.write(bytes(-len(data) % 4))
