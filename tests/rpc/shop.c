#include "tests/rpc/shop.h"

#include <stdio.h>

#define DEFINITIONS                                                                                          \
    "currency: EUR\n"                                                                                        \
    "time_zone: Europe/Berlin\n"                                                                             \
    "identifiers:\n"                                                                                         \
    "  customer_id: {max: 1}\n"                                                                              \
    "  email: {max: 5, normalize: email}\n"                                                                  \
    "events:\n"                                                                                              \
    "  order: {amount: money, channel: string, promo: bool, size: number}\n"                                 \
    "features:\n"                                                                                            \
    "  orders: {of: order, count: true}\n"                                                                   \
    "  revenue: {of: order, sum: amount}\n"                                                                  \
    "  revenue_30d: {of: order, sum: amount, window: 30d}\n"                                                 \
    "  channel_last: {of: order, last: channel}\n"                                                           \
    "  promo_last: {of: order, last: promo}\n"                                                               \
    "  size_mean: {of: order, mean: size}\n"                                                                 \
    "services:\n"                                                                                            \
    "  numbers: [orders, revenue, revenue_30d, promo_last, size_mean]\n"                                     \
    "  all: [orders, revenue, revenue_30d, channel_last, promo_last, size_mean]\n"

static const char first_version[] = DEFINITIONS;
static const char second_version[] = DEFINITIONS "  more: [orders]\n";

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fprintf(stderr, "%s\n", error->text);
    IMPOSSIBLE("a store in memory that cannot be written");
}

static void open_with(struct shop *shop, const char *directory, const char *definitions)
{
    static const uint8_t key[STORE_KEY_BYTES] = {7};
    *shop = (struct shop){.kv = directory ? NULL : kv_memory_new()};
    struct database_options options = {
        .directory = directory,
        .kv = shop->kv,
        .key = directory ? NULL : key,
        .definitions_text = bytes_from_string(definitions),
        .fatal = on_fatal,
    };
    struct error error;
    if (database_open(&options, &shop->database, &error) != PATRON_OK) {
        fprintf(stderr, "%s\n", error.text);
        IMPOSSIBLE("a database that does not open");
    }
    struct services *services = &shop->serving.services;
    services->port = database_port(shop->database);
    services->health = health_new();
    health_set(services->health, true);
    CHECK(reflection_new(&services->reflection, NULL) == PATRON_OK);
    size_t count;
    const struct method *const *methods = methods_all(&count);
    serving_start(&shop->serving, methods, count, NULL);
    client_init(&shop->client, shop->serving.address, NULL);
}

void shop_open(struct shop *shop, const char *directory)
{
    open_with(shop, directory, first_version);
}

void shop_open_changed(struct shop *shop, const char *directory)
{
    open_with(shop, directory, second_version);
}

void shop_close(struct shop *shop)
{
    client_clear(&shop->client);
    serving_stop(&shop->serving);
    database_close(shop->database);
    if (shop->kv)
        kv_close(shop->kv);
    health_free(shop->serving.services.health);
    reflection_free(shop->serving.services.reflection);
    arena_clear(&shop->arena);
}

static char *text(struct shop *shop, const char *format, uint64_t number)
{
    char *made = arena_alloc(&shop->arena, 64);
    snprintf(made, 64, "%s%llu%s", format[0] == '@' ? "" : format, (unsigned long long)number,
        format[0] == '@' ? format : "");
    return made;
}

static Patron__V1__Attribute *attribute(struct shop *shop, const char *name)
{
    Patron__V1__Attribute *made = arena_alloc(&shop->arena, sizeof *made);
    patron__v1__attribute__init(made);
    made->name = arena_string(&shop->arena, bytes_from_string(name));
    return made;
}

static Patron__V1__Event *event(struct shop *shop, const struct order *order)
{
    struct arena *arena = &shop->arena;
    Patron__V1__Event *event = arena_alloc(arena, sizeof *event);
    patron__v1__event__init(event);
    event->type = arena_string(arena, bytes_from_string("order"));
    event->id = text(shop, "order-", order->id);
    event->time_us = order->time_us;
    event->clock_case = shop->known_at_us ? PATRON__V1__EVENT__CLOCK_KNOWN_AT_US : 0;
    event->known_at_us = shop->known_at_us;
    event->identifiers = shop_identifiers(shop, order->who, 1);
    event->n_identifiers = 1;
    event->attributes = arena_array(arena, 3, sizeof(void *));
    Patron__V1__Attribute *amount = attribute(shop, "amount");
    amount->value_case = PATRON__V1__ATTRIBUTE__VALUE_REAL;
    amount->real = (double)order->micros / 1e6;
    event->attributes[event->n_attributes++] = amount;
    Patron__V1__Attribute *promo = attribute(shop, "promo");
    promo->value_case = PATRON__V1__ATTRIBUTE__VALUE_FLAG;
    promo->flag = order->id % 2 == 1;
    event->attributes[event->n_attributes++] = promo;
    if (order->channel) {
        Patron__V1__Attribute *channel = attribute(shop, "channel");
        channel->value_case = PATRON__V1__ATTRIBUTE__VALUE_TEXT;
        channel->text = arena_string(arena, bytes_from_string(order->channel));
        event->attributes[event->n_attributes++] = channel;
    }
    return event;
}

struct bytes shop_batch(struct shop *shop, uint64_t batch, const struct order *orders, size_t count)
{
    Patron__V1__IngestRequest request = PATRON__V1__INGEST_REQUEST__INIT;
    request.batch = batch;
    request.source = arena_string(&shop->arena, bytes_from_string("shop"));
    request.events = arena_array(&shop->arena, count, sizeof(void *));
    for (size_t i = 0; i < count; i++)
        request.events[request.n_events++] = event(shop, &orders[i]);
    return client_pack(&request, &shop->arena);
}

int64_t shop_ingest(struct shop *shop, const struct order *orders, size_t count)
{
    struct client_stream stream;
    client_open(&shop->client, "/patron.v1.Ingestion/Ingest", 0, &stream);
    CHECK(client_send(&stream, shop_batch(shop, 1, orders, count)));
    client_half_close(&stream);
    struct bytes reply;
    CHECK(client_read(&stream, &shop->arena, &reply));
    client_finish(&stream, &shop->answer);
    CHECK(shop->answer.status == GRPC_STATUS_OK);
    Patron__V1__IngestResponse *response =
        patron__v1__ingest_response__unpack(NULL, reply.length, reply.data);
    CHECK(response->applied == count);
    int64_t known_at_us = response->known_at_us;
    patron__v1__ingest_response__free_unpacked(response, NULL);
    return known_at_us;
}

void shop_call(struct shop *shop, const char *path, const void *request)
{
    client_call(&shop->client, path, client_pack(request, &shop->arena), 30000, &shop->arena, &shop->answer);
}

Patron__V1__Identifier **shop_identifiers(struct shop *shop, uint64_t first, size_t count)
{
    Patron__V1__Identifier **list = arena_array(&shop->arena, count, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        list[i] = arena_alloc(&shop->arena, sizeof *list[i]);
        patron__v1__identifier__init(list[i]);
        list[i]->type = arena_string(&shop->arena, bytes_from_string("email"));
        list[i]->value = text(shop, "@shop", first + i);
    }
    return list;
}
