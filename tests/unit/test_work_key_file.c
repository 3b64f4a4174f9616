/* The key file: made once, whole, its owner's alone; refused in words when it is anything else. */
#include "scratch_directory.h"

#include "server/work/key_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[SCRATCH_PATH_MAX];
static char path[SCRATCH_PATH_MAX + 16];

static int open_folder(void **state)
{
    (void)state;
    scratch_directory_make(folder);
    snprintf(path, sizeof path, "%s/data.key", folder);
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    scratch_directory_remove(folder);
    return 0;
}

static void write_file(const char *name, size_t bytes, mode_t mode)
{
    int file = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(file >= 0);
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(write(file, "k", 1), 1);
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static void assert_refused(const char *words)
{
    uint8_t key[STORE_KEY_BYTES];
    struct error error;
    assert_int_equal(key_file_read(path, key, &error), PATRON_PRECONDITION);
    if (!strstr(error.text, words))
        fail_msg("'%s' does not say '%s'", error.text, words);
}

static void a_made_key_is_read_again(void **state)
{
    (void)state;
    uint8_t made[STORE_KEY_BYTES], read[STORE_KEY_BYTES], none[STORE_KEY_BYTES] = {0};
    assert_int_equal(key_file_make(path, made, NULL), PATRON_OK);
    assert_int_equal(key_file_read(path, read, NULL), PATRON_OK);
    assert_memory_equal(made, read, STORE_KEY_BYTES);
    assert_memory_not_equal(made, none, STORE_KEY_BYTES);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    assert_int_equal(facts.st_size, STORE_KEY_BYTES);
    assert_int_equal(facts.st_nlink, 1);
}

static void two_keys_differ(void **state)
{
    (void)state;
    uint8_t one[STORE_KEY_BYTES], other[STORE_KEY_BYTES];
    assert_int_equal(key_file_make(path, one, NULL), PATRON_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(key_file_make(path, other, NULL), PATRON_OK);
    assert_memory_not_equal(one, other, STORE_KEY_BYTES);
}

static void a_key_that_is_there_is_never_overwritten(void **state)
{
    (void)state;
    uint8_t one[STORE_KEY_BYTES], other[STORE_KEY_BYTES];
    assert_int_equal(key_file_make(path, one, NULL), PATRON_OK);
    assert_int_equal(key_file_make(path, other, NULL), PATRON_OK);
    assert_memory_equal(one, other, STORE_KEY_BYTES);
}

static void a_missing_key_is_not_found(void **state)
{
    (void)state;
    uint8_t key[STORE_KEY_BYTES];
    assert_int_equal(key_file_read(path, key, NULL), PATRON_NOT_FOUND);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    (void)state;
    const mode_t modes[] = {0640, 0604, 0644, 0620};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_file(path, STORE_KEY_BYTES, modes[i]);
        assert_refused("chmod 600");
    }
    write_file(path, STORE_KEY_BYTES, 0400);
    uint8_t key[STORE_KEY_BYTES];
    assert_int_equal(key_file_read(path, key, NULL), PATRON_OK);
}

static void a_key_of_another_size_is_refused(void **state)
{
    (void)state;
    const size_t sizes[] = {0, STORE_KEY_BYTES - 1, STORE_KEY_BYTES + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_file(path, sizes[i], 0600);
        assert_refused("where a key has 32");
    }
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused("is not a file");
    assert_int_equal(rmdir(path), 0);
    /* A pipe without a writer would hold the server up for ever. */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused("is not a file");
}

static void a_symbolic_link_to_a_key_is_followed(void **state)
{
    (void)state;
    char target[SCRATCH_PATH_MAX + 16];
    snprintf(target, sizeof target, "%s/secret", folder);
    write_file(target, STORE_KEY_BYTES, 0600);
    assert_int_equal(symlink(target, path), 0);
    uint8_t key[STORE_KEY_BYTES];
    assert_int_equal(key_file_read(path, key, NULL), PATRON_OK);
    assert_int_equal(key[0], 'k');
}

static void a_key_that_cannot_be_made_is_said_with_its_place(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/no/data.key", folder);
    uint8_t key[STORE_KEY_BYTES];
    struct error error;
    assert_int_equal(key_file_make(path, key, &error), PATRON_PRECONDITION);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "No such file or directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_made_key_is_read_again, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(two_keys_differ, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_key_that_is_there_is_never_overwritten, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_missing_key_is_not_found, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_key_that_others_may_read_is_refused, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_key_of_another_size_is_refused, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_symbolic_link_to_a_key_is_followed, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(
            a_key_that_cannot_be_made_is_said_with_its_place, open_folder, close_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
