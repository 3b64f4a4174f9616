#include "tests/unit/people.h"

#include <stdio.h>

struct maker {
    const struct people_shape *shape;
    uint64_t state;
};

static uint64_t draw(struct maker *maker)
{
    uint64_t x = maker->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint32_t draw_below(struct maker *maker, uint32_t bound)
{
    return (uint32_t)((draw(maker) >> 32) * bound >> 32);
}

static bool draw_percent(struct maker *maker, uint32_t percent)
{
    return draw_below(maker, 100) < percent;
}

/* Of `bound`, the small ones far more often, as names are. */
static uint32_t draw_skewed(struct maker *maker, uint32_t bound)
{
    uint32_t a = draw_below(maker, bound), b = draw_below(maker, bound);
    return (uint32_t)((uint64_t)a * b / bound);
}

static const char *const given_names[] = {"james", "mary", "robert", "patricia", "john", "jennifer",
    "michael", "linda", "david", "elizabeth", "william", "barbara", "richard", "susan", "joseph", "jessica",
    "thomas", "karen", "charles", "sarah", "christopher", "lisa", "daniel", "nancy", "matthew", "sandra",
    "anthony", "betty", "mark", "ashley", "donald", "emily", "steven", "kimberly", "andrew", "margaret",
    "paul", "donna", "joshua", "michelle", "kenneth", "carol", "kevin", "amanda", "brian", "melissa",
    "timothy", "deborah", "ronald", "stephanie", "george", "rebecca", "jason", "sharon", "edward", "laura",
    "jeffrey", "cynthia", "ryan", "dorothy", "jacob", "amy", "nicholas", "kathleen", "gary", "angela", "eric",
    "shirley", "jonathan", "emma", "stephen", "brenda", "larry", "pamela", "justin", "nicole", "scott",
    "anna", "brandon", "samantha", "benjamin", "katherine", "samuel", "christine", "gregory", "debra",
    "alexander", "rachel", "patrick", "carolyn", "frank", "janet", "raymond", "maria", "jack", "olivia",
    "dennis", "heather", "jerry", "helen"};

enum { TEXT_MAX = 64, GIVEN_NAMES = sizeof given_names / sizeof *given_names };

/* The `number`th surname, street or town of a language that has no other words. */
static void word_write(char *to, uint32_t number, uint32_t salt)
{
    static const char *const begins[] = {"b", "br", "c", "ch", "d", "f", "g", "gr", "h", "j", "k", "l", "m",
        "n", "p", "r", "s", "st", "t", "w"};
    static const char *const middles[] = {"a", "e", "i", "o", "u", "ai", "ea", "oo"};
    static const char *const ends[] = {
        "n", "r", "l", "ck", "m", "rd", "s", "tt", "lson", "ton", "ley", "man"};
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ salt * UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 29;
    x *= UINT64_C(0x94d049bb133111eb);
    x ^= x >> 32;
    snprintf(to, TEXT_MAX, "%s%s%s%s%s", begins[x % 20], middles[x / 20 % 8], begins[x / 160 % 20],
        middles[x / 3200 % 8], ends[x / 25600 % 12]);
}

static void given_write(char *to, uint32_t number)
{
    if (number < GIVEN_NAMES)
        snprintf(to, TEXT_MAX, "%s", given_names[number]);
    else
        word_write(to, number, 7);
}

struct person {
    uint32_t given, surname, street, house, place, postcode, phone, category;
    uint32_t birth_day; /* days after 1930 */
};

static void date_write(char *to, uint32_t day, uint32_t slip, struct maker *maker)
{
    uint32_t year = 1930 + day / 365, month = 1 + day % 365 / 31, date = 1 + day % 365 % 31 % 28;
    if (slip == 1)
        date = 1 + draw_below(maker, 28);
    else if (slip == 2)
        month = 1, date = 1;
    else if (slip == 3)
        year += 1 + draw_below(maker, 3);
    snprintf(to, TEXT_MAX, "%04u-%02u-%02u", year, month, date);
}

/* One slip of the pen. */
static void slip_make(struct maker *maker, char *text)
{
    size_t length = strlen(text), at = length > 0 ? draw_below(maker, (uint32_t)length) : 0;
    char letter = (char)('a' + draw_below(maker, 26));
    if (length < 3)
        return;
    switch (draw_below(maker, 4)) {
    case 0:
        text[at] = letter;
        break;
    case 1:
        memmove(text + at, text + at + 1, length - at);
        break;
    case 2:
        if (at + 1 < length) {
            letter = text[at];
            text[at] = text[at + 1];
            text[at + 1] = letter;
        }
        break;
    default:
        if (length + 1 < TEXT_MAX) {
            memmove(text + at + 1, text + at, length - at + 1);
            text[at] = letter;
        }
    }
}

static struct person person_make(struct maker *maker)
{
    const struct people_shape *shape = maker->shape;
    struct person person = {.given = draw_skewed(maker, shape->given_names),
        .surname = draw_skewed(maker, shape->surnames),
        .street = draw_below(maker, 800),
        .house = 1 + draw_below(maker, 120),
        .place = draw_skewed(maker, 300),
        .phone = 1000000 + draw_below(maker, 8999999),
        .category = draw_below(maker, 2),
        .birth_day = draw_below(maker, 80 * 365)};
    person.postcode = person.place * 20 + draw_below(maker, 20);
    return person;
}

/* Somebody of the same house; a twin has the birth date too. */
static struct person relative_make(struct maker *maker, const struct person *person)
{
    struct person relative = person_make(maker);
    bool twin = draw_percent(maker, maker->shape->twin_percent);
    while (relative.given == person->given)
        relative.given = draw_below(maker, maker->shape->given_names);
    relative.surname = person->surname;
    relative.street = person->street;
    relative.house = person->house;
    relative.place = person->place;
    relative.postcode = person->postcode;
    relative.phone = person->phone;
    if (twin)
        relative.birth_day = person->birth_day;
    return relative;
}

enum { COLUMNS_MAX = 9 };

/* A customer of a shop, who is the `number`th. */
static size_t customer_write(const struct person *person, uint32_t number, char texts[COLUMNS_MAX][TEXT_MAX])
{
    given_write(texts[0], person->given);
    word_write(texts[1], person->surname, 1);
    snprintf(texts[2], TEXT_MAX, "%.20s%u@mail.com", texts[0], number);
    snprintf(texts[3], TEXT_MAX, "030%u", person->phone);
    snprintf(texts[4], TEXT_MAX, "de");
    return 5;
}

static size_t person_write(
    struct maker *maker, const struct person *person, uint32_t number, char texts[COLUMNS_MAX][TEXT_MAX])
{
    const struct people_shape *shape = maker->shape;
    if (shape->shop)
        return customer_write(person, number, texts);
    uint32_t slip = draw_percent(maker, shape->error_percent) ? 1 + draw_below(maker, 3) : 0;
    given_write(texts[0], person->given);
    word_write(texts[1], person->surname, 1);
    date_write(texts[2], person->birth_day, slip, maker);
    word_write(texts[3], person->place, 2);
    snprintf(texts[4], TEXT_MAX, "%c%c%u %uab", (char)('a' + person->place % 26),
        (char)('a' + person->place / 26 % 26), person->place % 17 + 1, person->postcode % 20);
    if (shape->no_addresses) {
        snprintf(texts[5], TEXT_MAX, "%s", person->category ? "male" : "female");
        return 6;
    }
    word_write(texts[5], person->street, 3);
    snprintf(texts[6], TEXT_MAX, "%u", person->house);
    snprintf(texts[7], TEXT_MAX, "0%u", 700000000 + person->phone);
    snprintf(texts[8], TEXT_MAX, "%.20s.%.20s%u@example%u.org", texts[0], texts[1], person->birth_day % 97,
        person->phone % 5);
    return 9;
}

static void record_make(
    struct people *people, struct maker *maker, const struct person *person, uint32_t number)
{
    char written[COLUMNS_MAX][TEXT_MAX];
    const char *texts[COLUMNS_MAX];
    size_t count = person_write(maker, person, number, written);
    for (size_t i = 0; i < count; i++) {
        bool is_whole = maker->shape->shop ? i == 4 : i == 2;
        bool is_there = maker->shape->shop && (i < 2 || i == 4);
        if (!is_whole && draw_percent(maker, maker->shape->error_percent))
            slip_make(maker, written[i]);
        texts[i] = !is_there && draw_percent(maker, maker->shape->absent_percent) ? NULL : written[i];
    }
    people_add(people, texts, number);
}

void people_make(struct people *people, const struct people_shape *shape)
{
    static const enum match_kind kinds[COLUMNS_MAX] = {MATCH_GIVEN_NAME, MATCH_SURNAME, MATCH_BIRTH_DATE,
        MATCH_PLACE, MATCH_POSTCODE, MATCH_STREET, MATCH_HOUSE_NUMBER, MATCH_PHONE, MATCH_EMAIL};
    static const enum match_kind few[] = {
        MATCH_GIVEN_NAME, MATCH_SURNAME, MATCH_BIRTH_DATE, MATCH_PLACE, MATCH_POSTCODE, MATCH_CATEGORY};
    static const enum match_kind shop[] = {
        MATCH_GIVEN_NAME, MATCH_SURNAME, MATCH_EMAIL, MATCH_PHONE, MATCH_CATEGORY};
    struct maker maker = {.shape = shape, .state = shape->seed};
    struct person person = {0};
    if (shape->shop)
        people_init(people, shop, 5);
    else
        people_init(people, shape->no_addresses ? few : kinds, shape->no_addresses ? 6 : COLUMNS_MAX);
    for (uint32_t number = 0; number < shape->persons; number++) {
        bool family = number > 0 && draw_percent(&maker, shape->family_percent);
        person = family ? relative_make(&maker, &person) : person_make(&maker);
        uint32_t records = 1 + draw_below(&maker, shape->records_most);
        for (uint32_t i = 0; i < records; i++)
            record_make(people, &maker, &person, number);
    }
    people_shuffle(people, shape->seed);
}
