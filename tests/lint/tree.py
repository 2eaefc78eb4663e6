"""What the lint checks share: the files of the project and how findings are printed."""

import os
import subprocess
import sys

GENERATED = {"build", "out", ".git", ".cache", "__pycache__"}


def project_files(root):
    """Paths relative to root: those git tracks and those it would add; in a tree without git, everything but generated folders."""
    try:
        listing = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                 check=True, capture_output=True, text=True).stdout
        paths = [path for path in listing.split("\0") if path and os.path.isfile(os.path.join(root, path))]
    except (OSError, subprocess.CalledProcessError):
        paths = []
    if not paths:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in GENERATED and not name.startswith("build")]
            paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(set(paths))


def sources(root):
    """The C++ and CUDA files among them."""
    return [path for path in project_files(root) if path.endswith((".h", ".cpp", ".cu", ".cuh"))]


def read_text(root, path):
    """The file's text, or None for a binary file."""
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def finish(findings):
    """Prints "file:line: message" for each finding and ends with 1 if there are any."""
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    sys.exit(1 if findings else 0)
