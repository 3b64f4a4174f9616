#!/usr/bin/env python3
"""Runs every command of README.md and holds what it says against what the page shows.

In a fenced block marked `console`, a line that begins with `$ ` is a command (lines that begin with `> ` go on with it)
and what follows is its output. All commands of the page run in order in one shell, in a folder of their own in which
`build` is the build under test; the server listens on free ports instead of the usual ones. Numbers, blanks and rules
of dashes may differ; a line `…` stands for any lines. Commands of ./dev are not run again from within a test: its demo
is run with fewer customers, of the others it is checked that the word exists.

usage: readme.py BUILD [--write]     --write puts the real output into the page
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "README.md"
ANYTHING = "…"


class Command:
    def __init__(self, first):
        self.lines = [first]
        self.shown = []

    def text(self):
        return "\n".join(self.lines)


def commands_of(page):
    """The page as a list of text lines and Commands."""
    parts, within = [], False
    for line in page.split("\n"):
        if line.startswith("```"):
            within = line == "```console"
            parts.append(line)
        elif within and line.startswith("$ "):
            parts.append(Command(line[2:]))
        elif within and line.startswith("> ") and isinstance(parts[-1], Command) and not parts[-1].shown:
            parts[-1].lines.append(line[2:])
        elif within and isinstance(parts[-1], Command):
            parts[-1].shown.append(line)
        else:
            parts.append(line)
    return parts


def masked(line):
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    line = re.sub(r"/tmp/[\w.]+", "/tmp/#", line)
    line = re.sub(r"[\d.,:+-]*\d[\d.,]*([TZ]\d*|µs|ms|s)?", "#", line)
    return re.sub(r"(#\s*)+", "# ", re.sub(r"[-─]{2,}", "--", re.sub(r"\s+", " ", line))).strip()


def agrees(shown, real):
    """Is `real` what the page shows, where ANYTHING stands for any lines?"""
    if not shown:
        return not real
    if shown[0] == ANYTHING:
        return any(agrees(shown[1:], real[at:]) for at in range(len(real) + 1))
    return bool(real) and shown[0] == real[0] and agrees(shown[1:], real[1:])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Shell:
    def __init__(self, folder, build):
        for name in os.listdir(TOP):
            if not name.startswith((".", "build")):
                (folder / name).symlink_to(TOP / name)
        (folder / "build").symlink_to(build)
        (folder / ".cache").symlink_to(TOP / ".cache")
        server = f"127.0.0.1:{free_port()}"
        environment = dict(os.environ, PATRON_LISTEN=server, PATRON_SERVER=server, PATRON_BUILD=str(build),
                           PATRON_ADMIN=f"127.0.0.1:{free_port()}", PATRON_PYTHON=sys.executable, LC_ALL="C.UTF-8")
        self.addresses = {"127.0.0.1:7070": server, "127.0.0.1:7071": environment["PATRON_ADMIN"]}
        self.process = subprocess.Popen(
            ["bash", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", start_new_session=True)

    def run(self, command):
        """(exit code, lines of output)"""
        mark = f"end-of-output-{os.getpid()}"
        for usual, ours in self.addresses.items():
            command = command.replace(usual, ours)
        if command.rstrip().endswith("&"):
            command += "\nfor i in $(seq 300); do build/patron status >/dev/null 2>&1 && break; sleep 0.1; done"
        self.process.stdin.write(f"{command}\necho; echo {mark} $?\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith(mark):
                while lines and not lines[-1].strip():
                    lines.pop()
                return int(line.split()[1]), lines
            for usual, ours in self.addresses.items():
                line = line.replace(ours, usual)
            lines.append(line.rstrip("\n"))
        raise SystemExit(f"the shell ended at: {command}\n" + "\n".join(lines))

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


def dev_word(command):
    words = subprocess.run([TOP / "dev", "help"], capture_output=True, text=True, check=True).stdout
    return re.search(rf"^{re.escape(command.split(' --')[0])}\b", words, re.M) is not None


def main():
    build, write = Path(sys.argv[1]).resolve(), "--write" in sys.argv
    parts = commands_of(PAGE.read_text(encoding="utf-8"))
    bad = count = 0
    with tempfile.TemporaryDirectory(prefix="patron-readme-") as folder:
        shell = Shell(Path(folder), build)
        try:
            for command in (part for part in parts if isinstance(part, Command)):
                text = command.text()
                count += 1
                if text.startswith("./dev ") and not text.startswith("./dev demo"):
                    if not dev_word(text):
                        print(f"README.md: $ {text}\n  ./dev has no such word")
                        bad += 1
                    continue
                # A smaller shop than the page shows: its words are the same.
                code, real = shell.run(text.replace("./dev demo", "tests/tour/demo --customers 300"))
                if write:
                    command.shown = command.shown if ANYTHING in command.shown else real
                    continue
                shown = [masked(line) for line in command.shown if line.strip()]
                if code != 0 or not agrees(shown, [masked(line) for line in real if line.strip()]):
                    bad += 1
                    print(f"README.md: $ {text}\n  exit code {code}; shown:", *command.shown, "  real:", *real,
                          sep="\n")
        finally:
            shell.end()
    if write:
        lines = []
        for part in parts:
            lines += ["$ " + part.lines[0], *("> " + line for line in part.lines[1:]), *part.shown] \
                if isinstance(part, Command) else [part]
        PAGE.write_text("\n".join(lines), encoding="utf-8")
    print(f"{count} commands of README.md, {bad} not as shown")
    return 1 if bad or not count else 0


if __name__ == "__main__":
    sys.exit(main())
