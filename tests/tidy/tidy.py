#!/usr/bin/env python3
"""Reads every source file and says, a line each, where one breaks a rule of the house.

What a compiler cannot see is checked here: which room may include which, calls that are banned and why, lengths, dead
files, leftovers. Each rule is a generator `rule(file)` of (line number, words), and has a planted violation in
test_tidy.py. The standard library is all it needs.

usage: tidy.py [FOLDER]     exit code 1 if there is a finding
"""
import os
import re
import sys

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
LINE_CHARACTERS_MAX = 120

SKIPPED_FOLDERS = {".git", ".cache", "node_modules", "__pycache__", "corpus"}
SOURCE_ENDINGS = (".c", ".h", ".cc")
TEXT_ENDINGS = SOURCE_ENDINGS + (
    ".py", ".sh", ".js", ".mjs", ".proto", ".yaml", ".yml", ".md", ".txt", ".supp", ".json")


def without_comments(text):
    """The text with comments, strings and character literals blanked (line breaks kept), and its comments."""
    code, comments, line, i = [], [], 1, 0
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    for match in pattern.finditer(text):
        code.append(text[i:match.start()])
        line += text.count("\n", i, match.start())
        piece = match.group()
        if piece[0] == "/":
            comments.append((line, piece))
            code.append("\n" * piece.count("\n") or " ")
        else:
            code.append(piece[0] + piece[0])
        line += piece.count("\n")
        i = match.end()
    code.append(text[i:])
    return "".join(code), comments


class File:
    def __init__(self, path, text, listed=lambda path: True):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.is_source = path.endswith(SOURCE_ENDINGS)
        self.is_header = path.endswith(".h")
        self.is_listed = listed
        self.code, self.comments = without_comments(text) if self.is_source else ("", [])
        self.code_lines = self.code.split("\n")
        self.includes = [
            (number, match.group(1)[1:-1], match.group(1)[0] == '"')
            for number, line in enumerate(self.lines, 1)
            if self.is_source and (match := re.match(r'\s*#\s*include\s*("[^"]+"|<[^>]+>)', line))
        ]

    def within(self, *folders):
        return any(self.path == folder or self.path.startswith(folder + "/") for folder in folders)


# --- which room may include which ------------------------------------------------------------------------------------

# Words that every room of the server may use, besides its own.
SERVER_WORDS = ("server/log.h", "server/metrics.h")
GENERATED = ("patron/", "grpc/health/", "grpc/reflection/", "google/")

# (room, what of the project it may include); the first that fits counts. `generated` is what comes from proto/.
ROOMS = (
    ("store/base", ("store/base",)),
    ("store/kv", ("store/base", "store/kv")),
    ("store", ("store",)),
    ("server/methods", ("store", "generated", "server/methods") + SERVER_WORDS),
    ("server/rpc", ("store", "generated", "server/methods", "server/rpc") + SERVER_WORDS),
    ("server/work", ("store", "server/methods", "server/work") + SERVER_WORDS),
    ("server/admin", ("store", "server/methods", "server/admin") + SERVER_WORDS),
    ("server/main.c", ("store", "generated", "server")),
    ("server/check_definitions.c", ("store", "server")),  # patrond without a server
    ("server", ("store/base", "server")),
    ("client", ("store/base", "generated", "client")),
    ("tests/property/oracle.h", ()),
    ("tests/property/oracle.c", ("tests/property/oracle.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_days.c", ("tests/property/oracle.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_exact.c", ("tests/property/oracle.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_expression.c", ("tests/property/oracle.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_features.c", ("tests/property/oracle.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_identity.c", ("tests/property/oracle_identity.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_identity.h", ("tests/property/oracle.h",)),
    ("tests/property/oracle_review.c", ("tests/property/oracle_identity.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_rules.c", ("tests/property/oracle_inside.h",)),
    ("tests/property/oracle_values.c", ("tests/property/oracle.h", "tests/property/oracle_inside.h")),
    ("tests/property/oracle_inside.h", ("tests/property/oracle_identity.h",)),
)


def is_generated(include):
    return include.endswith(".pb-c.h") or (include.startswith(GENERATED) and not include.startswith("grpc/grpc"))


def rule_include_direction(file):
    if not file.is_source:
        return
    allowed = next((allowed for room, allowed in ROOMS if file.within(room)), None)
    if allowed is None:
        return
    for number, include, quoted in file.includes:
        if is_generated(include):
            if "generated" not in allowed:
                yield number, f"{include} comes from proto/, which this room must not see"
        elif include.startswith(("store/", "server/", "client/", "tests/", "proto/")):
            if not any(include == part or include.startswith(part + "/") for part in allowed):
                yield number, f"includes {include}: from here only {', '.join(allowed)} may be included"
        elif quoted:
            yield number, f'"{include}": project headers are named from the top folder'


# (header, the only places that may include it, why)
LIBRARIES = (
    (r"rocksdb/", ("store/kv/kv_rocksdb.c", "tests/bench"), "the kv door is what lets another engine in"),
    (r"grpc/(?!health/|reflection/)", ("server/rpc", "client", "tests/rpc", "tests/fuzz", "tests/bench"),
     "one room knows gRPC"),
    (r"uv\.h", ("server/admin", "server/work", "server/main.c", "tests"), "the event loops live there"),
    (r"microhttpd\.h", ("server/admin", "tests"), "one room speaks HTTP"),
    (r"protobuf-c/", ("server/methods", "server/rpc", "client", "tests"), "the store never sees the wire"),
    (r"sleef\.h", ("store/base/deterministic.c", "tests/property/oracle_days.c", "tests/property/oracle_expression.c"),
     "one file says which functions give the same bits everywhere; the oracle takes nothing from it"),
    (r"pcre2\.h", ("store/definitions/pattern.c",), "one file bounds what a pattern may cost"),
    (r"(arrow|parquet)/", ("client/parquet.cc",), "one file speaks Parquet"),
    (r"(pthread|threads|time|sys/time|sys/random|unistd)\.h", ("server", "client", "tests", "store/kv", "store/base"),
     "the store has no threads, no clock, no chance"),
)


def rule_libraries(file):
    for number, include, _ in file.includes:
        for pattern, places, why in LIBRARIES:
            if re.match(pattern, include) and not is_generated(include) and not file.within(*places):
                yield number, f"<{include}> may be included in {', '.join(places)} only: {why}"


# --- calls -----------------------------------------------------------------------------------------------------------

BANNED_CALLS = {
    "sprintf": "snprintf knows the size",
    "vsprintf": "vsnprintf knows the size",
    "strcpy": "copy (pointer, length)",
    "strcat": "append with a size",
    "strncpy": "it may leave no NUL; copy (pointer, length)",
    "gets": "it cannot be used safely",
    "strtok": "it keeps state between calls",
    "atoi": "it hides errors",
    "atol": "it hides errors",
    "atof": "it hides errors and follows the locale",
    "rand": "seed your own generator",
    "srand": "seed your own generator",
    "random": "seed your own generator",
    "assert": "CHECK stays on in release",
    "alloca": "an arena is bounded",
    "system": "no shell runs inside",
    "popen": "no shell runs inside",
    "localtime": "it is not thread-safe and follows TZ",
    "gmtime": "it is not thread-safe",
    "ctime": "it is not thread-safe",
    "asctime": "it is not thread-safe",
    "mktime": "it follows TZ",
    "tmpnam": "a race; use mkstemp or mkdtemp",
    "mktemp": "a race; use mkstemp or mkdtemp",
    "setlocale": "the locale changes how numbers are read",
    "signal": "sigaction says what happens",
}
# Where a banned call is the point of the file.
CALLS_ALLOWED = {
    # Its days come from libc because the store's come from ICU.
    ("tests/property/oracle.c", "mktime"), ("tests/property/oracle.c", "localtime"),
}
SPEAKERS = ("server/main.c", "server/check_definitions.c", "server/log.c", "server/settings.c", "store/base/check.c")


def calls(file):
    for number, line in enumerate(file.code_lines, 1):
        for match in re.finditer(r"(?<![\w.>])([a-z_]\w*)\s*\(", line):
            yield number, match.group(1), line


def rule_banned_calls(file):
    for number, name, _ in calls(file):
        if name in BANNED_CALLS and (file.path, name) not in CALLS_ALLOWED:
            yield number, f"{name}(): {BANNED_CALLS[name]}"


def rule_no_printing(file):
    if not file.within("store", "server") or file.path in SPEAKERS:
        return
    for number, name, line in calls(file):
        if name in ("printf", "puts", "putchar", "perror") or (
                name in ("fprintf", "fputs", "vfprintf") and re.search(r"\b(stdout|stderr)\b", line)):
            yield number, f"{name}(): the store returns errors and the server logs through server/log.h"


def rule_heap_calls(file):
    if not file.within("store", "server") or file.path == "store/base/arena.c":
        return
    for number, name, _ in calls(file):
        if name in ("malloc", "calloc", "realloc", "strdup", "strndup"):
            yield number, f"{name}(): memory_alloc aborts when memory is out, or an arena"


# --- lengths ---------------------------------------------------------------------------------------------------------

def rule_file_length(file):
    if (file.is_source or file.path.endswith(".py")) and len(file.lines) > FILE_LINES_MAX:
        yield len(file.lines), f"{len(file.lines)} lines, more than {FILE_LINES_MAX}: is this two rooms by now?"


def rule_function_length(file):
    if not file.is_source:
        return
    start = None
    for number, line in enumerate(file.code_lines, 1):
        if line.startswith("{") or (re.match(r"[A-Za-z].*\)\s*\{\s*$", line) and not line.startswith("extern")):
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start + 1
            if length > FUNCTION_LINES_MAX:
                yield start, f"a function of {length} lines, more than {FUNCTION_LINES_MAX}"
            start = None


def rule_line_length(file):
    if file.path.endswith(("package-lock.json", "LICENSE")):
        return
    for number, line in enumerate(file.lines, 1):
        if len(line) > LINE_CHARACTERS_MAX:
            yield number, f"{len(line)} characters, more than {LINE_CHARACTERS_MAX}"


# --- leftovers -------------------------------------------------------------------------------------------------------

def rule_white_space(file):
    for number, line in enumerate(file.lines, 1):
        if "\t" in line:
            yield number, "a tab"
        elif line != line.rstrip():
            yield number, "blanks at the end of the line"
    if file.text and not file.text.endswith("\n"):
        yield len(file.lines), "the last line has no end"


def rule_marks(file):
    for number, line in enumerate(file.lines, 1):
        if match := re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", line):
            yield number, f"{match.group(1)}: do it, or open an issue"


CODE_IN_COMMENT = re.compile(
    r"^(?:[\w.\->\[\]*]+(?:\s+[\w.\->\[\]*]+)?\s*[-+|&]?=\s*[^=].*;"
    r"|[a-z_][\w.\->]*\s*\(.*\)\s*;"
    r"|(?:\}\s*else\s*)?(?:if|for|while|switch)\s*\(.*\)\s*\{"
    r"|return\b.*;"
    r"|#\s*(?:include\s*[<\"]|if\s|ifdef\s|endif\b).*)$")


def rule_code_in_comments(file):
    for first, comment in file.comments:
        for offset, line in enumerate(comment.split("\n")):
            if re.match(r"\s*\*\s{3,}", line):
                continue  # set off by its indentation: an example of how to call it
            words = line.strip().lstrip("/").lstrip("*").removesuffix("*/").strip()
            if CODE_IN_COMMENT.match(words):
                yield first + offset, "commented-out code: history keeps it"


def rule_no_typedef_of_structs(file):
    if file.path.endswith(".cc"):
        return
    for number, line in enumerate(file.code_lines, 1):
        if re.match(r"\s*typedef\s+(struct|union|enum)\b", line):
            yield number, "a typedef hides what a thing is: name the struct"


def rule_dead_file(file):
    if file.path.endswith((".c", ".cc")) and not file.is_listed(file.path):
        yield 1, "no CMakeLists.txt names this file"


def rule_header_head(file):
    if not file.is_header:
        return
    if not re.match(r"/\*|//", file.text):
        yield 1, "a header begins with what it is for, who may call it and how it fails"
    if not re.search(r"^#ifndef PATRON_\w+\n#define PATRON_\w+$", file.text, re.M):
        yield 1, "no include guard named PATRON_…"


# A path that exists on one machine only. (Written so that this file does not find itself.)
WORKPLACE = re.compile(r"(?<![\w.}\"$])/(?:home|ro[o]t|wo[r]k|Users)/|\.\./sha[r]ed")


def rule_workplaces(file):
    for number, line in enumerate(file.lines, 1):
        if WORKPLACE.search(line) and not (file.path == "dev" and "PATRON_TEST_DATA" in file.text):
            yield number, "a path of somebody's machine"


RULES = {name.removeprefix("rule_"): rule for name, rule in sorted(globals().items()) if name.startswith("rule_")}


def findings(file):
    for name, rule in RULES.items():
        for number, words in rule(file):
            yield file.path, number, name, words


# --- the tree --------------------------------------------------------------------------------------------------------

def paths(top):
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(
            name for name in folders
            if name not in SKIPPED_FOLDERS and not (folder == top and name.startswith("build")))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), top)
            if name.endswith(TEXT_ENDINGS) or path in ("dev", ".ci/run") or "." not in name:
                yield path


def list_of_builds(top):
    """Is a file named, by its name or by its stem, in a CMakeLists.txt of its folder or of one above?"""
    texts = {}

    def words(folder):
        if folder not in texts:
            try:
                with open(os.path.join(top, folder, "CMakeLists.txt"), encoding="utf-8") as lists:
                    texts[folder] = set(re.findall(r"[\w./-]+", lists.read()))
            except FileNotFoundError:
                texts[folder] = set()
        return texts[folder]

    def listed(path):
        folder = os.path.dirname(path)
        while True:
            name = os.path.relpath(path, folder or ".")
            if words(folder) & {name, os.path.splitext(name)[0]}:
                return True
            if not folder:
                return False
            folder = os.path.dirname(folder)

    return listed


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
    listed, count, files = list_of_builds(top), 0, 0
    for path in paths(top):
        try:
            with open(os.path.join(top, path), encoding="utf-8", newline="") as source:
                text = source.read()
        except UnicodeDecodeError:
            if path.endswith(TEXT_ENDINGS):
                print(f"{path}:1: not UTF-8")
                count += 1
            continue
        files += 1
        for place, number, name, words in findings(File(path, text, listed)):
            print(f"{place}:{number}: {words} [{name}]")
            count += 1
    print(f"{files} files, {len(RULES)} rules, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
