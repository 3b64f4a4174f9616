/* The store on disk and what may be wrong with its directory: held by another, damaged, missing, full, or cut off by a
 * crash. Started with arguments this program is the other process: `hold DIR`, `die DIR` or `fill DIR`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/kv/kv.h"
#include "store/kv/kv_rocksdb_error.h"
#include "tests/unit/scratch_directory.h"

enum { PATH_BYTES = SCRATCH_PATH_MAX + 300, ROWS = 200 };

struct place {
    char scratch[SCRATCH_PATH_MAX];
    char data[SCRATCH_PATH_MAX + 8];
};

static int make_place(void **state)
{
    struct place *place = memory_alloc(sizeof *place);
    scratch_directory_make(place->scratch);
    snprintf(place->data, sizeof place->data, "%s/data", place->scratch);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    scratch_directory_remove(place->scratch);
    memory_free(place);
    return 0;
}

static enum patron_code try_open(const char *directory, bool read_only, struct kv **kv, struct error *error)
{
    struct kv_rocksdb_options options = {
        .directory = directory, .cache_bytes = 1 << 20, .memtable_bytes = 8 << 20, .read_only = read_only};
    return kv_rocksdb_open(&options, kv, error);
}

static struct kv *must_open(const char *directory, bool read_only)
{
    struct kv *kv = NULL;
    struct error error = {0};
    if (try_open(directory, read_only, &kv, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return kv;
}

/* It must not open, for this reason, in words that name the directory and hold `words`. */
static void assert_refused(const char *directory, bool read_only, enum patron_code code, const char *words)
{
    struct kv *kv = NULL;
    struct error error = {0};
    assert_int_equal(try_open(directory, read_only, &kv, &error), code);
    assert_null(kv);
    assert_int_equal(error.code, code);
    if (!strstr(error.text, directory) || !strstr(error.text, words))
        fail_msg("\"%s\" lacks the directory or \"%s\"", error.text, words);
}

static enum patron_code write_row(struct kv *kv, uint32_t row, bool sync, struct error *error)
{
    char value[400];
    memset(value, 'a' + (int)(row % 26), sizeof value);
    uint8_t key[4];
    for (int i = 0; i < 4; i++)
        key[i] = (uint8_t)(row >> (24 - 8 * i));
    struct kv_batch *batch = kv_batch_new(kv);
    kv_batch_put(batch, KV_LOG, bytes_of(key, sizeof key), bytes_of(value, sizeof value));
    kv_batch_put(batch, KV_NODES, bytes_of(key, sizeof key), bytes_of(value, sizeof value));
    enum patron_code code = kv_write(kv, batch, sync, error);
    kv_batch_free(batch);
    return code;
}

static void write_rows(struct kv *kv, uint32_t from, uint32_t to)
{
    struct error error = {0};
    for (uint32_t row = from; row < to; row++) {
        if (write_row(kv, row, row + 1 == to, &error) != PATRON_OK)
            fail_msg("%s", error.text);
    }
}

static uint32_t count_rows(struct kv *kv, enum kv_family family)
{
    struct error error = {0};
    uint32_t count = 0;
    struct kv_iterator *iterator = kv_iterator_new(kv, NULL, family, bytes_of(NULL, 0));
    for (kv_iterator_seek(iterator, bytes_of(NULL, 0)); kv_iterator_valid(iterator);
         kv_iterator_next(iterator))
        count++;
    if (kv_iterator_status(iterator, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    kv_iterator_free(iterator);
    return count;
}

static void assert_rows(const char *directory, uint32_t rows)
{
    struct kv *kv = must_open(directory, false);
    assert_int_equal(count_rows(kv, KV_LOG), rows);
    assert_int_equal(count_rows(kv, KV_NODES), rows);
    kv_close(kv);
}

static void make_store(const char *directory, uint32_t rows)
{
    struct kv *kv = must_open(directory, false);
    write_rows(kv, 0, rows);
    kv_close(kv);
}

/* The biggest file of that ending. */
static void find_file(const char *directory, const char *ending, char path[PATH_BYTES])
{
    off_t biggest = -1;
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing));) {
        size_t length = strlen(entry->d_name);
        if (length < strlen(ending) || strcmp(entry->d_name + length - strlen(ending), ending) != 0)
            continue;
        char candidate[PATH_BYTES];
        snprintf(candidate, sizeof candidate, "%s/%s", directory, entry->d_name);
        struct stat found;
        assert_int_equal(stat(candidate, &found), 0);
        if (found.st_size > biggest) {
            biggest = found.st_size;
            memcpy(path, candidate, sizeof candidate);
        }
    }
    closedir(listing);
    assert_true(biggest > 0);
}

static off_t file_size(const char *path)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    return found.st_size;
}

static void flip_byte(const char *path, off_t at)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    uint8_t byte;
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* --- the other process ---------------------------------------------------------------------------------------- */

/* Holds the store until its standard input ends; says a byte when it has it. */
static int hold(const char *directory)
{
    struct kv *kv = must_open(directory, false);
    char byte = 'h';
    if (write(STDOUT_FILENO, &byte, 1) != 1)
        return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    kv_close(kv);
    return 0;
}

/* Writes synced rows, says a byte for each that was acknowledged, and is killed while at it. */
static int die(const char *directory)
{
    struct kv *kv = must_open(directory, false);
    for (uint32_t row = 0;; row++) {
        if (write_row(kv, row, true, NULL) != PATRON_OK || write(STDOUT_FILENO, "a", 1) != 1)
            return 1;
    }
}

/* Writes until a limit on the size of files makes a write fail; says a byte for each row that was acknowledged. */
static int fill(const char *directory)
{
    struct kv *kv = must_open(directory, false);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGXFSZ, &ignore, NULL) != 0)
        return 1;
    struct rlimit limit = {300000, 300000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    struct error first = {0}, second = {0};
    enum patron_code code = PATRON_OK;
    for (uint32_t row = 0; row < 100000; row++) {
        code = write_row(kv, row, false, &first);
        if (code != PATRON_OK)
            break;
        if (write(STDOUT_FILENO, "a", 1) != 1)
            return 1;
    }
    if (code != PATRON_IO || !strstr(first.text, directory))
        return 2;
    if (write_row(kv, 0, false, &second) != PATRON_IO || !strstr(second.text, first.text))
        return 3;
    if (kv_checkpoint(kv, "/nowhere/at/all", &second) != PATRON_IO || !strstr(second.text, first.text))
        return 4;
    if (count_rows(kv, KV_LOG) != count_rows(kv, KV_NODES))
        return 5;
    kv_close(kv);
    return 0;
}

struct other {
    pid_t process;
    int in;
    int out;
};

static struct other start_other(const char *word, const char *directory)
{
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    char *arguments[] = {(char[]){"test_kv_directory"}, (char *)word, (char *)directory, NULL};
    struct other other = {.in = in[1], .out = out[0]};
    assert_int_equal(posix_spawn(&other.process, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    return other;
}

/* Reads what it says up to `bytes`, or to the end. */
static uint32_t hear(const struct other *other, uint32_t bytes)
{
    uint32_t heard = 0;
    char byte;
    while (heard < bytes && read(other->out, &byte, 1) == 1)
        heard++;
    return heard;
}

static int end_other(struct other *other)
{
    close(other->in);
    close(other->out);
    int status;
    assert_int_equal(waitpid(other->process, &status, 0), other->process);
    return status;
}

/* --- in use ----------------------------------------------------------------------------------------------------- */

static void a_directory_in_use_by_another_process_is_busy(void **state)
{
    struct place *place = *state;
    struct other other = start_other("hold", place->data);
    assert_int_equal(hear(&other, 1), 1);
    assert_refused(place->data, false, PATRON_BUSY, "stop that process");
    assert_int_equal(end_other(&other), 0);
    kv_close(must_open(place->data, false));
}

static void a_directory_open_in_this_process_is_busy(void **state)
{
    struct place *place = *state;
    struct kv *kv = must_open(place->data, false);
    assert_refused(place->data, false, PATRON_BUSY, "in this process");
    write_rows(kv, 0, 3);
    kv_close(kv);
    assert_rows(place->data, 3);
}

/* --- crashes ---------------------------------------------------------------------------------------------------- */

static void what_was_acknowledged_survives_a_kill(void **state)
{
    struct place *place = *state;
    struct other other = start_other("die", place->data);
    uint32_t heard = hear(&other, ROWS);
    assert_int_equal(heard, ROWS);
    assert_int_equal(kill(other.process, SIGKILL), 0);
    heard += hear(&other, UINT32_MAX);
    end_other(&other);
    struct kv *kv = must_open(place->data, false);
    uint32_t rows = count_rows(kv, KV_LOG);
    assert_int_equal(count_rows(kv, KV_NODES), rows);
    assert_in_range(rows, heard, heard + 1);
    kv_close(kv);
}

static void after_a_failed_write_nothing_more_is_written(void **state)
{
    struct place *place = *state;
    struct other other = start_other("fill", place->data);
    uint32_t heard = hear(&other, UINT32_MAX);
    assert_true(heard > 100);
    assert_int_equal(end_other(&other), 0);
    assert_rows(place->data, heard);
}

static void a_record_cut_short_at_the_end_of_the_log_is_dropped(void **state)
{
    struct place *place = *state;
    make_store(place->data, ROWS);
    char log[PATH_BYTES];
    find_file(place->data, ".log", log);
    assert_int_equal(truncate(log, file_size(log) - 100), 0);
    assert_rows(place->data, ROWS - 1);
    assert_rows(place->data, ROWS - 1);
}

static void damage_in_the_middle_of_the_log_is_refused_and_stays_so(void **state)
{
    struct place *place = *state;
    make_store(place->data, ROWS);
    char log[PATH_BYTES];
    find_file(place->data, ".log", log);
    off_t middle = file_size(log) / 2;
    flip_byte(log, middle);
    assert_refused(place->data, false, PATRON_CORRUPT, "backup");
    assert_refused(place->data, false, PATRON_CORRUPT, "backup");
    flip_byte(log, middle);
    assert_rows(place->data, ROWS);
}

/* --- damage ----------------------------------------------------------------------------------------------------- */

/* Closing leaves the rows in the log; opening again moves them to files. */
static void make_store_of_files(const char *directory)
{
    make_store(directory, ROWS);
    assert_rows(directory, ROWS);
}

static void a_lost_current_file_is_refused_and_nothing_is_deleted(void **state)
{
    struct place *place = *state;
    make_store_of_files(place->data);
    char current[PATH_BYTES], aside[PATH_BYTES];
    snprintf(current, sizeof current, "%s/CURRENT", place->data);
    snprintf(aside, sizeof aside, "%s/CURRENT", place->scratch);
    assert_int_equal(rename(current, aside), 0);
    assert_refused(place->data, false, PATRON_CORRUPT, "CURRENT");
    assert_refused(place->data, true, PATRON_CORRUPT, "CURRENT");
    assert_int_equal(rename(aside, current), 0);
    assert_rows(place->data, ROWS);
}

static void a_current_file_of_garbage_is_refused(void **state)
{
    struct place *place = *state;
    make_store_of_files(place->data);
    char current[PATH_BYTES];
    snprintf(current, sizeof current, "%s/CURRENT", place->data);
    assert_int_equal(truncate(current, 3), 0);
    assert_refused(place->data, false, PATRON_CORRUPT, "backup");
}

static void a_damaged_manifest_is_refused(void **state)
{
    struct place *place = *state;
    make_store_of_files(place->data);
    char current[PATH_BYTES], name[64] = {0}, manifest[PATH_BYTES];
    snprintf(current, sizeof current, "%s/CURRENT", place->data);
    FILE *file = fopen(current, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%60s", name), 1);
    fclose(file);
    snprintf(manifest, sizeof manifest, "%s/%s", place->data, name);
    flip_byte(manifest, file_size(manifest) / 2);
    assert_refused(place->data, false, PATRON_CORRUPT, "backup");
}

static void a_missing_table_file_is_refused(void **state)
{
    struct place *place = *state;
    make_store_of_files(place->data);
    char table[PATH_BYTES];
    find_file(place->data, ".sst", table);
    assert_int_equal(unlink(table), 0);
    assert_refused(place->data, false, PATRON_CORRUPT, "backup");
}

/* A get and a walk over both families; ends at the first failure. */
static enum patron_code read_all(struct kv *kv, struct error *error)
{
    static const enum kv_family families[] = {KV_LOG, KV_NODES};
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; code == PATRON_OK && i < 2; i++) {
        struct kv_iterator *iterator = kv_iterator_new(kv, NULL, families[i], bytes_of(NULL, 0));
        kv_iterator_seek(iterator, bytes_of(NULL, 0));
        while (kv_iterator_valid(iterator))
            kv_iterator_next(iterator);
        code = kv_iterator_status(iterator, error);
        kv_iterator_free(iterator);
        for (uint32_t row = 0; code == PATRON_OK && row < ROWS; row++) {
            struct bytes value;
            struct bytes key = bytes_of((uint8_t[]){0, 0, 0, (uint8_t)row}, 4);
            code = kv_get(kv, NULL, families[i], key, &arena, &value, error);
        }
    }
    arena_clear(&arena);
    return code;
}

static void a_damaged_table_file_is_told_by_whoever_reads_it(void **state)
{
    struct place *place = *state;
    make_store_of_files(place->data);
    char table[PATH_BYTES];
    find_file(place->data, ".sst", table);
    flip_byte(table, 100);
    struct kv *kv = NULL;
    struct error error = {0};
    enum patron_code code = try_open(place->data, false, &kv, &error);
    if (code == PATRON_OK) {
        code = read_all(kv, &error);
        kv_close(kv);
    }
    assert_int_equal(code, PATRON_CORRUPT);
    assert_non_null(strstr(error.text, place->data));
    assert_non_null(strstr(error.text, "backup"));
}

static void what_is_no_directory_is_named(void **state)
{
    struct place *place = *state;
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/file", place->scratch);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_refused(path, false, PATRON_IO, strerror(ENOTDIR));
    snprintf(path, sizeof path, "%s/no/such/parent", place->scratch);
    assert_refused(path, false, PATRON_IO, strerror(ENOENT));
    snprintf(path, sizeof path, "%s/absent", place->scratch);
    assert_refused(path, true, PATRON_IO, strerror(ENOENT));
    assert_int_equal(access(path, F_OK), -1);
}

static void an_empty_directory_becomes_a_store_but_not_for_reading_only(void **state)
{
    struct place *place = *state;
    assert_int_equal(mkdir(place->data, 0700), 0);
    assert_refused(place->data, true, PATRON_PRECONDITION, "holds no store");
    assert_int_equal(rmdir(place->data), 0);
    assert_int_equal(mkdir(place->data, 0700), 0);
    make_store(place->data, 5);
    assert_rows(place->data, 5);
}

static void a_new_directory_is_for_its_owner_alone(void **state)
{
    struct place *place = *state;
    make_store(place->data, 1);
    struct stat found;
    assert_int_equal(stat(place->data, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
}

/* --- checkpoints ------------------------------------------------------------------------------------------------ */

static void a_checkpoint_opens_for_reading_only_and_does_not_see_later_writes(void **state)
{
    struct place *place = *state;
    char copy[PATH_BYTES], again[PATH_BYTES];
    snprintf(copy, sizeof copy, "%s/checkpoint", place->scratch);
    snprintf(again, sizeof again, "%s/again", place->scratch);
    struct error error = {0};
    struct kv *kv = must_open(place->data, false);
    write_rows(kv, 0, ROWS);
    assert_int_equal(kv_checkpoint(kv, copy, &error), PATRON_OK);
    write_rows(kv, ROWS, ROWS + 50);

    struct kv *reader = must_open(copy, true);
    struct kv *beside_it = must_open(copy, true);
    assert_int_equal(count_rows(reader, KV_LOG), ROWS);
    assert_int_equal(count_rows(beside_it, KV_NODES), ROWS);
    assert_int_equal(write_row(reader, 9999, false, &error), PATRON_UNSUPPORTED);
    assert_non_null(strstr(error.text, copy));
    assert_int_equal(kv_checkpoint(reader, again, &error), PATRON_UNSUPPORTED);
    struct kv_statistics statistics;
    kv_statistics(reader, &statistics);
    assert_true(statistics.disk_bytes > 0);
    kv_close(beside_it);
    kv_close(reader);

    assert_int_equal(count_rows(kv, KV_LOG), ROWS + 50);
    kv_close(kv);
    assert_rows(copy, ROWS);
}

static void a_checkpoint_overwrites_nothing(void **state)
{
    struct place *place = *state;
    char path[PATH_BYTES];
    struct error error = {0};
    struct kv *kv = must_open(place->data, false);
    assert_int_equal(kv_checkpoint(kv, place->scratch, &error), PATRON_PRECONDITION);
    assert_non_null(strstr(error.text, place->scratch));
    snprintf(path, sizeof path, "%s/no/such/parent", place->scratch);
    assert_int_not_equal(kv_checkpoint(kv, path, &error), PATRON_OK);
    assert_non_null(strstr(error.text, path));
    write_rows(kv, 0, 3);
    kv_close(kv);
    assert_rows(place->data, 3);
}

/* --- the engine's words ----------------------------------------------------------------------------------------- */

static void the_engines_words_become_codes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum patron_code code;
    } cases[] = {
        {"IO error: lock hold by current process, acquire time 1 acquiring thread 2: /d/LOCK: No locks "
         "available",
            PATRON_BUSY},
        {"IO error: While lock file: /d/LOCK: Resource temporarily unavailable", PATRON_BUSY},
        {"IO error: No space left on device: While appending to file: /d/1.log: No space left on device",
            PATRON_IO},
        {"IO error: No such file or directory: While open a file for random read: /d/1.sst", PATRON_CORRUPT},
        {"IO error: While fsync: a file: Input/output error", PATRON_IO},
        {"Corruption: block checksum mismatch", PATRON_CORRUPT},
        {"Invalid argument: Column families not opened: f", PATRON_UNSUPPORTED},
        {"Invalid argument: Column family not found: log", PATRON_UNSUPPORTED},
        {"Invalid argument: something", PATRON_INTERNAL},
        {"Not implemented: Not supported operation in read only mode.", PATRON_UNSUPPORTED},
        {"NotFound: ", PATRON_CORRUPT},
        {"Resource busy: ", PATRON_BUSY},
        {"Shutdown in progress: Database is closing", PATRON_BUSY},
        {"Operation timed out: ", PATRON_IO},
        {"Operation aborted: ", PATRON_IO},
        {"Result incomplete: ", PATRON_INTERNAL},
        {"", PATRON_INTERNAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct kv_rocksdb_failure *failure = kv_rocksdb_failure_of(cases[i].text);
        assert_int_equal(failure->code, cases[i].code);
        assert_true(strlen(failure->advice) > 0);
    }
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "hold") == 0)
        return hold(arguments[2]);
    if (count == 3 && strcmp(arguments[1], "die") == 0)
        return die(arguments[2]);
    if (count == 3 && strcmp(arguments[1], "fill") == 0)
        return fill(arguments[2]);
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(a_directory_in_use_by_another_process_is_busy),
        IN_A_PLACE(a_directory_open_in_this_process_is_busy),
        IN_A_PLACE(what_was_acknowledged_survives_a_kill),
        IN_A_PLACE(after_a_failed_write_nothing_more_is_written),
        IN_A_PLACE(a_record_cut_short_at_the_end_of_the_log_is_dropped),
        IN_A_PLACE(damage_in_the_middle_of_the_log_is_refused_and_stays_so),
        IN_A_PLACE(a_lost_current_file_is_refused_and_nothing_is_deleted),
        IN_A_PLACE(a_current_file_of_garbage_is_refused),
        IN_A_PLACE(a_damaged_manifest_is_refused),
        IN_A_PLACE(a_missing_table_file_is_refused),
        IN_A_PLACE(a_damaged_table_file_is_told_by_whoever_reads_it),
        IN_A_PLACE(what_is_no_directory_is_named),
        IN_A_PLACE(an_empty_directory_becomes_a_store_but_not_for_reading_only),
        IN_A_PLACE(a_new_directory_is_for_its_owner_alone),
        IN_A_PLACE(a_checkpoint_opens_for_reading_only_and_does_not_see_later_writes),
        IN_A_PLACE(a_checkpoint_overwrites_nothing),
        cmocka_unit_test(the_engines_words_become_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
