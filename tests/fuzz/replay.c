/* Runs a fuzz target without libFuzzer: on every file of its corpus, and on seeded mutations of them.
 *
 *     fuzz_NAME CORPUS_DIRECTORY      a folder's files and their mutations
 *     fuzz_NAME FILE                  one file as it is, such as one that libFuzzer found
 *
 * PATRON_SEED chooses the mutations, PATRON_FUZZ_RUNS their number. The input that is being run lies in
 * fuzz_NAME.input, in the folder it runs in, and stays there if the target aborts. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/base/arena.h"
#include "store/base/check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/property/dice.h"

enum { INPUT_BYTES_MAX = 1 << 20, CORPUS_FILES_MAX = 4096, RUNS_DEFAULT = 4000, PATH_BYTES_MAX = 4096 };

struct input {
    uint8_t *data;
    size_t size;
};

static struct input file_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    struct input input = {.data = memory_alloc(INPUT_BYTES_MAX)};
    input.size = fread(input.data, 1, INPUT_BYTES_MAX, file);
    CHECK(!ferror(file));
    fclose(file);
    return input;
}

/* The target gets memory of exactly the input's size, so that a sanitizer sees a read past its end. */
static void run(const char *trace_path, struct input input)
{
    FILE *trace = fopen(trace_path, "wb");
    CHECK(trace != NULL);
    CHECK(fwrite(input.data, 1, input.size, trace) == input.size);
    CHECK(fclose(trace) == 0);
    uint8_t *copy = memory_alloc(input.size);
    memcpy(copy, input.data, input.size);
    CHECK(LLVMFuzzerTestOneInput(copy, input.size) == 0);
    memory_free(copy);
    remove(trace_path);
}

/* Puts `with` in place of `length` bytes at `at`. */
static void replace(struct input *input, size_t at, size_t length, const uint8_t *with, size_t with_length)
{
    if (input->size - length + with_length > INPUT_BYTES_MAX)
        return;
    memmove(input->data + at + with_length, input->data + at + length, input->size - at - length);
    memcpy(input->data + at, with, with_length);
    input->size = input->size - length + with_length;
}

static void mutate(struct dice *dice, struct input *input, const struct input *other)
{
    static const uint8_t odd[] = {0, 1, '\t', '\n', '"', '\'', '*', '&', '!', ':', '{', '[', '-', 0x7f, 0x80, 0xff};
    uint8_t piece[256];
    size_t at = dice_below(dice, input->size + 1);
    size_t left = input->size - at;
    size_t length = left ? 1 + dice_below(dice, left < 64 ? left : 64) : 0;
    size_t piece_length = 1 + dice_below(dice, sizeof piece);
    switch (dice_below(dice, 6)) {
    case 0: /* a bit is flipped */
        if (left)
            input->data[at] ^= (uint8_t)(1 << dice_below(dice, 8));
        return;
    case 1: /* a byte becomes, or gets before it, one that formats trip over */
        piece[0] = odd[dice_below(dice, sizeof odd)];
        replace(input, at, dice_below(dice, 2) && left ? 1 : 0, piece, 1);
        return;
    case 2: /* a stretch goes */
        replace(input, at, length, piece, 0);
        return;
    case 3: /* a stretch comes twice */
        memcpy(piece, input->data + at, length);
        replace(input, at, 0, piece, length);
        return;
    case 4: /* a stretch of another input takes its place */
        if (other->size == 0)
            return;
        size_t from = dice_below(dice, other->size);
        size_t most = other->size - from < piece_length ? other->size - from : piece_length;
        memcpy(piece, other->data + from, most);
        replace(input, at, length, piece, most);
        return;
    default: /* the end is missing */
        if (dice_chance(dice, 20))
            input->size = at;
        return;
    }
}

static size_t corpus_read(const char *directory, struct input *inputs)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, NULL, alphasort); /* in order, so that a seed means the same everywhere */
    CHECK(count >= 0 && count <= CORPUS_FILES_MAX);
    size_t files = 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES_MAX];
        struct stat status;
        CHECK(snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name) < PATH_BYTES_MAX);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            inputs[files++] = file_read(path);
        free(entries[i]);
    }
    free(entries);
    CHECK(files > 0);
    return files;
}

static void replay(const char *trace_path, const char *directory)
{
    struct input *inputs = memory_alloc(CORPUS_FILES_MAX * sizeof *inputs);
    size_t count = corpus_read(directory, inputs);
    for (size_t i = 0; i < count; i++)
        run(trace_path, inputs[i]);
    const char *seed_text = getenv("PATRON_SEED"), *runs_text = getenv("PATRON_FUZZ_RUNS");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    uint64_t runs = runs_text ? strtoull(runs_text, NULL, 10) : RUNS_DEFAULT;
    printf("PATRON_SEED=%llu: %zu files, %llu mutations\n", (unsigned long long)seed, count, (unsigned long long)runs);
    fflush(stdout);
    struct input mutated = {.data = memory_alloc(INPUT_BYTES_MAX)};
    for (uint64_t i = 0; i < runs; i++) {
        struct dice dice = dice_of(seed, i);
        const struct input *origin = &inputs[dice_below(&dice, count)];
        memcpy(mutated.data, origin->data, origin->size);
        mutated.size = origin->size;
        for (size_t steps = 1 + dice_below(&dice, 4); steps > 0; steps--)
            mutate(&dice, &mutated, &inputs[dice_below(&dice, count)]);
        run(trace_path, mutated);
    }
    memory_free(mutated.data);
    for (size_t i = 0; i < count; i++)
        memory_free(inputs[i].data);
    memory_free(inputs);
}

int main(int argument_count, char **arguments)
{
    struct stat status;
    if (argument_count != 2 || stat(arguments[1], &status) != 0) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY | FILE\n", arguments[0]);
        return 2;
    }
    const char *slash = strrchr(arguments[0], '/');
    char trace_path[PATH_BYTES_MAX];
    CHECK(snprintf(trace_path, sizeof trace_path, "%s.input", slash ? slash + 1 : arguments[0]) < PATH_BYTES_MAX);
    if (S_ISDIR(status.st_mode)) {
        replay(trace_path, arguments[1]);
        return 0;
    }
    struct input input = file_read(arguments[1]);
    run(trace_path, input);
    memory_free(input.data);
    return 0;
}
