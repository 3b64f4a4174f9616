#!/usr/bin/env python3
"""Each rule of tidy.py finds the violation planted for it, and a clean file passes them all."""
import unittest

import tidy

HEADER = "/* words: what they are for. */\n#ifndef PATRON_WORDS_H\n#define PATRON_WORDS_H\n\n{}\n#endif\n"
LONG_FUNCTION = "void long_one(void)\n{\n" + "    step();\n" * 69 + "}\n"
CLEAN = '''#include "store/base/words.h"

#include <string.h>

/* Why it is so: the reader's bytes are copied once (see limits.h). */
int words_count(const char *text)
{
    return snprintf(NULL, 0, "// %s; sprintf(text);", text);
}
'''

# rule: [(path, text, line at which it must be found)]
PLANTED = {
    "include_direction": [
        ("store/base/words.c", '#include "store/kv/kv.h"\n', 1),
        ("store/kv/kv_memory.c", '#include "store/store.h"\n', 1),
        ("store/identity/identity.c", '\n#include "server/methods/port.h"\n', 2),
        ("store/journal/log.c", '#include "patron/v1/types.pb-c.h"\n', 1),
        ("server/methods/verify.c", '#include "server/rpc/engine.h"\n', 1),
        ("server/rpc/engine.c", '#include "server/work/writer.h"\n', 1),
        ("server/work/writer.c", '#include "patron/v1/types.pb-c.h"\n', 1),
        ("server/admin/http.c", '#include "server/rpc/engine.h"\n', 1),
        ("client/get.c", '#include "store/store.h"\n', 1),
        ("client/get.c", '#include "server/log.h"\n', 1),
        ("store/kv/kv_memory.c", '#include "kv.h"\n', 1),
        ("tests/property/oracle.c", '#include "store/base/bytes.h"\n', 1),
    ],
    "libraries": [
        ("store/store.c", "#include <rocksdb/c.h>\n", 1),
        ("server/methods/verify.c", "#include <grpc/grpc.h>\n", 1),
        ("server/work/writer.c", "#include <grpc/slice.h>\n", 1),
        ("server/rpc/engine.c", "#include <uv.h>\n", 1),
        ("store/journal/log.c", "#include <pthread.h>\n", 1),
        ("store/journal/log.c", "#include <time.h>\n", 1),
        ("client/snapshot.c", "#include <arrow/api.h>\n", 1),
    ],
    "banned_calls": [
        ("store/store.c", "    sprintf(text, x);\n", 1),
        ("client/get.c", "    n = atoi (text);\n", 1),
        ("tests/unit/test_base.c", "    assert(x);\n", 1),
    ],
    "no_printing": [
        ("store/store.c", '    printf("x");\n', 1),
        ("server/methods/verify.c", '    fprintf(stderr, "x");\n', 1),
    ],
    "heap_calls": [("server/work/writer.c", "    char *x = malloc(3);\n", 1)],
    "file_length": [("store/store.c", "int x;\n" * 801, 801)],
    "function_length": [("store/store.c", LONG_FUNCTION, 2)],
    "line_length": [("store/store.c", "/* " + "x" * 120 + " */\n", 1)],
    "white_space": [
        ("store/store.c", "\tint x;\n", 1),
        ("store/store.c", "int x; \n", 1),
        ("store/store.c", "int x;", 1),
    ],
    "marks": [("store/store.c", "/* TO" "DO: later */\n", 1), ("dev", "# FIX" "ME\n", 1)],
    "code_in_comments": [
        ("store/store.c", "// store_close(store);\n", 1),
        ("store/store.c", "/* Old:\n * count = count + 1;\n */\n", 2),
        ("store/store.c", "int x; /* if (x > 1) { */\n", 1),
        ("store/store.c", "//    return x;\n", 1),
    ],
    "no_typedef_of_structs": [("store/store.c", "typedef struct store store;\n", 1)],
    "dead_file": [("store/forgotten.c", "int x;\n", 1)],
    "header_head": [
        ("store/base/words.h", HEADER.format("").split("\n", 1)[1], 1),
        ("store/base/words.h", "/* words */\nint x;\n", 1),
    ],
    "workplaces": [
        ("store/store.c", "/* see /ho" "me/ada/notes */\n", 1),
        ("tests/clients/test_x.py", "DATA = '../sha" "red/data'\n", 1),
    ],
}


def found(path, text):
    return [(name, line) for _, line, name, _ in
            tidy.findings(tidy.File(path, text, lambda listed: listed != "store/forgotten.c"))]


class Rules(unittest.TestCase):
    def test_every_rule_has_a_planted_violation(self):
        self.assertEqual(sorted(PLANTED), sorted(tidy.RULES))

    def test_each_planted_violation_is_found_where_it_is_and_as_what_it_is(self):
        for rule, cases in PLANTED.items():
            for path, text, line in cases:
                with self.subTest(rule=rule, path=path, text=text[:60]):
                    self.assertEqual(found(path, text), [(rule, line)])

    def test_a_clean_source_and_a_clean_header_have_no_finding(self):
        self.assertEqual(found("store/base/words.c", CLEAN), [])
        self.assertEqual(found("store/base/words.h", HEADER.format("int words_count(const char *text);\n")), [])

    def test_what_is_allowed_in_its_place_has_no_finding(self):
        for path, include in (
                ("store/kv/kv_rocksdb.c", "<rocksdb/c.h>"), ("server/rpc/engine.c", "<grpc/grpc.h>"),
                ("server/work/writer.c", "<uv.h>"), ("server/methods/health.c", '"grpc/health/v1/health.pb-c.h"'),
                ("server/main.c", '"server/work/database.h"'), ("client/get.c", '"patron/v1/features.pb-c.h"')):
            with self.subTest(path=path):
                self.assertEqual(found(path, f"#include {include}\n"), [])

    def test_a_function_at_the_limit_passes(self):
        self.assertEqual(found("store/store.c", LONG_FUNCTION.replace("    step();\n", "", 1)), [])

    def test_prose_and_examples_in_comments_are_no_code(self):
        prose = ("/* if (and only if) the view is held; see f(x).\n *\n *     struct view view;\n"
                 " *     view_take(&view);\n */\n")
        self.assertEqual(found("store/store.c", prose), [])


if __name__ == "__main__":
    unittest.main()
