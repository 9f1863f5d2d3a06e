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

# Parts of Python that the tests do not need, and that would only take time to load.
NOT_OF_PYTHON = {
    "config", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages",
    "dist-packages", "test", "tests", "tkinter", "turtledemo",
}  # fmt: skip


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
        """All of a folder, but what is named in `leave_out` or begins so up to a dash."""
        for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
            if entry.name in leave_out or entry.name.split("-")[0] in leave_out:
                continue
            if entry.is_dir():
                self.tree(f"{path}/{entry.name}", entry.path, leave_out)
            elif entry.is_file():
                self.file(f"{path}/{entry.name}", entry.path)

    def program(self, path, source):
        """A program, and the shared libraries that the loader finds for it here, where it finds them."""
        self.file(path, source, 0o755)
        self.libraries(source)

    def libraries(self, source):
        listing = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout
        for library in {word for word in listing.split() if word.startswith("/")}:
            self.library_folders.add(os.path.dirname(library))
            if library not in self._libraries:
                self._libraries.add(library)
                self.file(library, library, 0o755)

    def python(self):
        """The Python that runs this, at its place."""
        self.program(os.path.realpath(sys.executable), os.path.realpath(sys.executable))
        self.link("/bin/python3", os.path.realpath(sys.executable))
        for kind in dict.fromkeys((sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))):
            self.tree(kind, kind, NOT_OF_PYTHON)
            for extension in sorted(pathlib.Path(kind).glob("lib-dynload/*.so")):
                self.libraries(extension)

    def link(self, path, target):
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def end(self):
        self._header("TRAILER!!!", 0, b"")

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
