/* What verify says of identities that do not agree with themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/features/profile.h"
#include "store/identity/identity_rows.h"
#include "tests/unit/linking_fixture.h"

static void write_batch(struct shop *shop, struct kv_batch *batch)
{
    assert_int_equal(kv_write(shop->kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
}

/* Customer 1 of nodes 1 and 2 with a link; 3 and 4 split from each other and kept apart; 5 blocked. */
static void sound_shop(struct shop *shop)
{
    shop_open(shop, linking_definitions);
    shop_visit(shop, "device:a device:b");
    shop_visit(shop, "device:c device:d");
    shop_visit(shop, "device:e");
    shop_unlink(shop, "device:c", "device:d");
    shop_block(shop, "device:e");
    shop_assert_sound(shop);
}

static void assert_found(struct shop *shop, const char *words)
{
    struct shop_findings findings;
    (void)shop_verify(shop, &findings);
    if (findings.count == 0 || !strstr(findings.last, words))
        fail_msg("%zu differences, the last: %s; not: %s", findings.count, findings.last, words);
    shop_close(shop);
}

/* The open row of a node. */
static struct member member_of(struct shop *shop, uint64_t customer, uint64_t node)
{
    struct member *members;
    size_t count;
    assert_int_equal(members_of(shop->kv, NULL, customer, &shop->arena, &members, &count, NULL), PATRON_OK);
    for (size_t i = 0; i < count; i++)
        if (members[i].node == node && members[i].until_us == INT64_MAX)
            return members[i];
    fail_msg("node %llu is not there", (unsigned long long)node);
    return (struct member){0};
}

static struct link link_of(struct shop *shop, uint64_t a, size_t place)
{
    struct link *links;
    size_t count;
    assert_int_equal(links_of(shop->kv, NULL, a, &shop->arena, &links, &count, NULL), PATRON_OK);
    assert_true(place < count);
    return links[place];
}

static void verify_finds_links_that_do_not_join_what_is_one(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    struct link link = link_of(&shop, 1, 0);
    link.until_us = shop.clock_us;
    link_put(batch, &link);
    write_batch(&shop, batch);
    assert_found(&shop, "do not join all its identifiers");
}

static void verify_finds_a_link_to_another_customer(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    struct link link = link_of(&shop, 1, 0);
    link.b = 3;
    link_put(batch, &link);
    write_batch(&shop, batch);
    assert_found(&shop, "leads to another customer");
}

static void verify_finds_a_link_that_differs_under_its_ends(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    uint8_t key[LINK_KEY_BYTES];
    encode_be64(key, 2);
    encode_be64(key + 8, 1);
    encode_time(key + 16, link_of(&shop, 1, 0).since_us);
    shop_plant(&shop, KV_LINKS, bytes_of(key, sizeof key), NULL);
    assert_found(&shop, "not the same under both its ends");
}

static void verify_finds_a_link_that_is_told_otherwise_under_its_other_end(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    struct link link = link_of(&shop, 1, 0);
    uint8_t key[LINK_KEY_BYTES];
    struct bytes value;
    encode_be64(key, 2);
    encode_be64(key + 8, 1);
    encode_time(key + 16, link.since_us);
    link.count++;
    link_put(batch, &link);
    assert_int_equal(
        kv_batch_get(batch, KV_LINKS, bytes_of(key, sizeof key), &shop.arena, &value, NULL), PATRON_OK);
    kv_batch_free(batch);
    shop_plant(&shop, KV_LINKS, bytes_of(key, sizeof key), &value);
    assert_found(&shop, "not the same under both its ends");
}

static void verify_finds_a_customer_that_is_not_named_by_its_oldest_node(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    uint8_t key[PROFILE_KEY_BYTES];
    struct bytes value;
    profile_key_encode(1, 1, 0, key);
    assert_int_equal(kv_get(shop.kv, NULL, KV_PROFILES, bytes_of(key, sizeof key), &shop.arena, &value, NULL), 0);
    kv_batch_delete(batch, KV_PROFILES, bytes_of(key, sizeof key));
    profile_key_encode(1, 2, 0, key);
    kv_batch_put(batch, KV_PROFILES, bytes_of(key, sizeof key), value);
    for (uint64_t node = 1; node <= 2; node++) {
        struct member member = member_of(&shop, 1, node);
        uint8_t row[MEMBER_KEY_BYTES];
        encode_be64(row, 1);
        encode_be64(row + 8, node);
        encode_time(row + 16, member.since_us);
        kv_batch_delete(batch, KV_MEMBERS, bytes_of(row, sizeof row));
        member.customer = 2;
        member_put(batch, &member);
        membership_put(batch, node, member.since_us, 2);
        identifier_put(batch, member.hash, node, 2, member.flags);
    }
    write_batch(&shop, batch);
    assert_found(&shop, "its id is not its oldest node");
}

static void verify_finds_two_links_of_one_rule(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    struct link link = link_of(&shop, 1, 0);
    link.since_us++;
    link_put(batch, &link);
    write_batch(&shop, batch);
    assert_found(&shop, "two links of one rule");
}

static void verify_finds_a_link_of_a_blocked_identifier(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    struct member member = member_of(&shop, 1, 1);
    member.flags |= NODE_BLOCKED;
    member_put(batch, &member);
    identifier_put(batch, member.hash, 1, 1, member.flags);
    write_batch(&shop, batch);
    assert_found(&shop, "blocked has a link");
}

static void verify_finds_flags_that_differ(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    identifier_put(batch, member_of(&shop, 5, 5).hash, 5, 5, 0);
    write_batch(&shop, batch);
    assert_found(&shop, "has other flags");
}

static void verify_finds_a_flag_without_its_separation(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    struct member member = member_of(&shop, 5, 5);
    member.flags |= NODE_SEPARATED;
    member_put(batch, &member);
    identifier_put(batch, member.hash, 5, 5, member.flags);
    write_batch(&shop, batch);
    assert_found(&shop, "do not tell whether");
}

static void verify_finds_together_what_is_to_be_kept_apart(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    for (uint64_t node = 1; node <= 2; node++) {
        struct member member = member_of(&shop, 1, node);
        member.flags |= NODE_SEPARATED;
        member_put(batch, &member);
        identifier_put(batch, member.hash, node, 1, member.flags);
        const struct separation separation = {node, shop.clock_us, INT64_MAX, node == 1};
        separation_put(batch, &separation);
    }
    write_batch(&shop, batch);
    assert_found(&shop, "are to be kept apart");
}

static void verify_finds_a_member_that_is_told_of_otherwise(void **state)
{
    (void)state;
    struct shop shop = {0};
    sound_shop(&shop);
    struct kv_batch *batch = kv_batch_new(shop.kv);
    struct member member = member_of(&shop, 1, 2);
    member.birth_us--;
    member_put(batch, &member);
    write_batch(&shop, batch);
    assert_found(&shop, "tells of it otherwise");
}

static void verify_finds_a_profile_that_kept_what_was_split_off(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, linking_definitions);
    shop_visit(&shop, "device:a device:b");
    shop_visit(&shop, "device:b");
    uint8_t key[PROFILE_KEY_BYTES];
    struct bytes value;
    profile_key_encode(1, 1, 0, key);
    assert_int_equal(kv_get(shop.kv, NULL, KV_PROFILES, bytes_of(key, sizeof key), &shop.arena, &value, NULL), 0);
    shop_unlink(&shop, "device:a", "device:b");
    shop_assert_sound(&shop);
    shop_plant(&shop, KV_PROFILES, bytes_of(key, sizeof key), &value);
    assert_found(&shop, "is not the fold of its events");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify_finds_links_that_do_not_join_what_is_one),
        cmocka_unit_test(verify_finds_a_link_to_another_customer),
        cmocka_unit_test(verify_finds_a_link_that_differs_under_its_ends),
        cmocka_unit_test(verify_finds_a_link_that_is_told_otherwise_under_its_other_end),
        cmocka_unit_test(verify_finds_a_customer_that_is_not_named_by_its_oldest_node),
        cmocka_unit_test(verify_finds_two_links_of_one_rule),
        cmocka_unit_test(verify_finds_a_link_of_a_blocked_identifier),
        cmocka_unit_test(verify_finds_flags_that_differ),
        cmocka_unit_test(verify_finds_a_flag_without_its_separation),
        cmocka_unit_test(verify_finds_together_what_is_to_be_kept_apart),
        cmocka_unit_test(verify_finds_a_member_that_is_told_of_otherwise),
        cmocka_unit_test(verify_finds_a_profile_that_kept_what_was_split_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
