#include "store/definitions/grammar.h"

#include "store/base/limits.h"
#include "store/definitions/matching_rules.h"

#define WORD(string) {(const uint8_t *)(string), sizeof(string) - 1}
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define WORDS(array) {.kind = GRAMMAR_WORD, .words = (array), .word_count = COUNT_OF(array)}
#define KEYS(array) {.kind = GRAMMAR_KEYS, .keys = (array), .key_count = COUNT_OF(array)}
#define EITHER(array) {.kind = GRAMMAR_EITHER, .choices = (array), .choice_count = COUNT_OF(array)}

/* --- plain shapes ------------------------------------------------------------------------------------------------- */

static const struct grammar_shape text = {.kind = GRAMMAR_TEXT};
static const struct grammar_shape texts = {.kind = GRAMMAR_LIST, .of = &text};
static const struct grammar_shape tags = {.kind = GRAMMAR_LIST, .of = &text, .each_once = true};
static const struct grammar_shape name = {.kind = GRAMMAR_NAME};
static const struct grammar_shape feature_name = {.kind = GRAMMAR_NAME, .members_too = true};
static const struct grammar_shape feature_names = {
    .kind = GRAMMAR_LIST, .least = 1, .of = &feature_name, .each_once = true};
static const struct grammar_shape scalar = {.kind = GRAMMAR_SCALAR};
static const struct grammar_shape scalars = {.kind = GRAMMAR_LIST, .least = 1, .of = &scalar, .each_once = true};
static const struct grammar_shape duration = {.kind = GRAMMAR_DURATION};
static const struct grammar_shape only_true = {.kind = GRAMMAR_TRUE};
static const struct grammar_shape boolean = {.kind = GRAMMAR_BOOL};
static const struct grammar_shape expression = {.kind = GRAMMAR_EXPRESSION};
static const struct grammar_shape pattern = {.kind = GRAMMAR_PATTERN};
static const struct grammar_shape patterns = {
    .kind = GRAMMAR_LIST, .of = &pattern, .most = NEVER_LINK_PATTERNS_MAX, .each_once = true};

/* --- identifiers and events --------------------------------------------------------------------------------------- */

static const struct bytes normalize_words[] = {WORD("none"), WORD("trim"), WORD("lower"), WORD("email")};
static const struct grammar_shape normalize = WORDS(normalize_words);
static const struct grammar_shape identifier_max = {
    .kind = GRAMMAR_WHOLE, .least = 1, .most = CUSTOMER_NODES_MAX};

static const struct grammar_key identifier_keys[IDENTIFIER_KEYS] = {
    [IDENTIFIER_MAX] = {WORD("max"), &identifier_max, "How many of this type one customer may have.", false},
    [IDENTIFIER_PER] = {WORD("per"), &duration, "Only those count for max that first came so long before now.", false},
    [IDENTIFIER_UNIQUE] = {WORD("unique"), &boolean, "Two values are two customers, always.", false},
    [IDENTIFIER_WEAK] = {WORD("weak"), &boolean,
        "Evidence of the weakest kind: what identity.review_bridge is about.", false},
    [IDENTIFIER_LINK] = {WORD("link"), &boolean, "false: values are taken and dropped, such as an IP address.", false},
    [IDENTIFIER_KEEP] = {WORD("keep"), &boolean,
        "Values are kept, sealed, so that people can be shown them.", false},
    [IDENTIFIER_NORMALIZE] = {WORD("normalize"), &normalize,
        "What is made the same before values are compared.", false},
    [IDENTIFIER_NEVER_LINK] = {WORD("never_link"), &texts,
        "Values that stand for nobody, such as test accounts.", false},
    [IDENTIFIER_NEVER_LINK_MATCHING] = {WORD("never_link_matching"), &patterns,
        "Regular expressions (PCRE2) of such values, as they are once normalised.", false},
};
const struct grammar_shape grammar_identifier = {
    .kind = GRAMMAR_KEYS, .keys = identifier_keys, .key_count = IDENTIFIER_KEYS, .nothing_too = true};
static const struct grammar_shape identifiers = {.kind = GRAMMAR_MAP, .of = &grammar_identifier};

static const struct bytes attribute_words[] = {
    WORD("money"), WORD("number"), WORD("integer"), WORD("bool"), WORD("string")};
static const struct grammar_shape attribute = WORDS(attribute_words);
static const struct grammar_shape event = {.kind = GRAMMAR_MAP, .of = &attribute, .nothing_too = true};
static const struct grammar_shape events = {.kind = GRAMMAR_MAP, .of = &event};

/* --- matching ----------------------------------------------------------------------------------------------------- */

static const struct bytes kind_words[MATCH_KIND_COUNT] = {
#define X(kind, word) [kind] = WORD(word),
    MATCH_KINDS(X)
#undef X
};
static const struct grammar_shape match_kind = WORDS(kind_words);
static const struct grammar_key match_column_keys[MATCH_COLUMN_KEYS] = {
    [MATCH_COLUMN_IS] = {WORD("is"), &match_kind, "What the column holds.", true},
    [MATCH_COLUMN_FREQUENCIES] = {WORD("frequencies"), &boolean,
        "To agree on a rare value says more than on a common one; true without.", false},
};
const struct grammar_shape grammar_match_column = KEYS(match_column_keys);
static const struct grammar_shape *const match_column_choices[] = {&match_kind, &grammar_match_column};
static const struct grammar_shape match_column = EITHER(match_column_choices);
static const struct grammar_shape match_columns = {
    .kind = GRAMMAR_MAP, .of = &match_column, .least = 1, .most = MATCH_COLUMNS_MAX};

static const struct grammar_shape match_prefix = {
    .kind = GRAMMAR_WHOLE, .least = 1, .most = MATCH_PART_CHARACTERS_MAX};
static const struct grammar_key match_part_keys[MATCH_PART_KEYS] = {
    [MATCH_PART_KEY_COLUMN] = {WORD("column"), &name, "Whose values must agree.", true},
    [MATCH_PART_KEY_PREFIX] = {WORD("prefix"), &match_prefix, "Only their first so many characters must.", false},
    [MATCH_PART_KEY_SOUND] = {WORD("sound"), &boolean, "It is enough that they sound alike.", false},
};
const struct grammar_shape grammar_match_part = KEYS(match_part_keys);
static const struct grammar_shape *const match_part_choices[] = {&name, &grammar_match_part};
static const struct grammar_shape match_part = EITHER(match_part_choices);
static const struct grammar_shape match_block = {
    .kind = GRAMMAR_LIST, .of = &match_part, .least = 1, .most = MATCH_BLOCK_PARTS_MAX, .each_once = true};
static const struct grammar_shape match_blocks = {
    .kind = GRAMMAR_LIST, .of = &match_block, .least = 1, .most = MATCH_BLOCKS_MAX, .each_once = true};
static const struct grammar_shape likely = {.kind = GRAMMAR_LIKELY};
static const struct grammar_shape block_records = {
    .kind = GRAMMAR_WHOLE, .least = 2, .most = MATCH_BLOCK_RECORDS_MAX};

static const struct grammar_key matching_keys[MATCHING_KEYS] = {
    [MATCHING_OF] = {WORD("of"), &name, "The event that is a record of a person; its attributes are sealed.", true},
    [MATCHING_COLUMNS] = {WORD("columns"), &match_columns,
        "Which of its attributes are compared, string or integer, and what they hold.", true},
    [MATCHING_BLOCKS] = {WORD("blocks"), &match_blocks,
        "Records are compared that agree on one of these lists; made from the columns without.", false},
    [MATCHING_LINK] = {WORD("link"), &likely, "At least so probable: one person; 0.99 without.", false},
    [MATCHING_REVIEW] = {WORD("review"), &likely, "At least so probable: a person decides; 0.8 without.", false},
    [MATCHING_BLOCK_RECORDS] = {WORD("block_records"), &block_records,
        "Blocks of more records are skipped; 500 without.", false},
};
const struct grammar_shape grammar_matching = KEYS(matching_keys);

/* --- filters ------------------------------------------------------------------------------------------------------ */

static const struct grammar_key range_keys[RANGE_KEYS] = {
    [RANGE_AT_LEAST] = {WORD("at_least"), &scalar, "This or more.", false},
    [RANGE_MORE_THAN] = {WORD("more_than"), &scalar, "More than this.", false},
    [RANGE_AT_MOST] = {WORD("at_most"), &scalar, "This or less.", false},
    [RANGE_LESS_THAN] = {WORD("less_than"), &scalar, "Less than this.", false},
};
const struct grammar_shape grammar_range = KEYS(range_keys);
static const struct grammar_shape *const filter_choices[] = {&scalar, &scalars, &grammar_range};
static const struct grammar_shape filter = EITHER(filter_choices);
static const struct grammar_shape filters = {.kind = GRAMMAR_MAP, .of = &filter};

/* --- shared costs ------------------------------------------------------------------------------------------------- */

static const struct bytes period_words[] = {WORD("day"), WORD("week"), WORD("month")};
static const struct grammar_shape period = WORDS(period_words);
static const struct grammar_key shared_cost_keys[SHARED_COST_KEYS] = {
    [SHARED_COST_SHARE] = {WORD("share"), &name, "The cost's attribute that is shared out: money.", true},
    [SHARED_COST_BY] = {WORD("by"), &name, "The event that drives the cost: who has more of it bears more.", true},
    [SHARED_COST_WEIGHT] = {WORD("weight"), &name,
        "That event's attribute whose sum counts, money or integer; without it the events count.", false},
    [SHARED_COST_WHERE] = {WORD("where"), &filters, "Only events whose attributes are these.", false},
    [SHARED_COST_PERIOD] = {WORD("period"), &period, "Whose events count: those of the cost's day, week or month.",
        true},
};
const struct grammar_shape grammar_shared_cost = KEYS(shared_cost_keys);
static const struct grammar_shape shared_costs = {
    .kind = GRAMMAR_MAP, .of = &grammar_shared_cost, .nothing_too = true};

/* --- features ----------------------------------------------------------------------------------------------------- */

static const struct bytes unit_words[] = {WORD("second"), WORD("minute"), WORD("hour"), WORD("day"), WORD("week")};
static const struct grammar_shape unit = WORDS(unit_words);
static const struct bytes age_words[] = {WORD("first"), WORD("last")};
static const struct grammar_shape age = WORDS(age_words);
static const struct bytes gaps_words[] = {WORD("mean"), WORD("stddev"), WORD("last")};
static const struct grammar_shape gaps = WORDS(gaps_words);
static const struct bytes streak_words[] = {WORD("current"), WORD("longest")};
static const struct grammar_shape streak = WORDS(streak_words);
static const struct grammar_shape top_k = {.kind = GRAMMAR_WHOLE, .least = 1, .most = TOP_VALUES_MAX};
static const struct grammar_shape *const decayed_choices[] = {&name, &only_true};
static const struct grammar_shape decayed = EITHER(decayed_choices);

#define DESCRIPTION_KEY {WORD("description"), &text, "What it means, for those who use it.", false}
#define OWNER_KEY {WORD("owner"), &text, "Whom to ask about it.", false}
#define TAGS_KEY {WORD("tags"), &tags, "Words to find it by.", false}
#define DEFAULT_KEY {WORD("default"), &scalar, "Taken where there is no value, or only a stale one.", false}

static const struct grammar_key feature_keys[FEATURE_KEYS] = {
    [FEATURE_OF] = {WORD("of"), &name, "The event that it is worked out from.", true},
    [FEATURE_WHERE] = {WORD("where"), &filters, "Only events whose attributes are these.", false},
    [FEATURE_WINDOW] = {WORD("window"), &duration, "Only events of so long before now; lifetime without.", false},
    [FEATURE_OFFSET] = {WORD("offset"), &duration, "The window ends so long before now.", false},
    [FEATURE_UNIT] = {WORD("unit"), &unit, "Of an age; day without.", false},
    [FEATURE_HALF_LIFE] = {WORD("half_life"), &duration, "After so long an event weighs half.", false},
    [FEATURE_K] = {WORD("k"), &top_k, "How many top values; 3 without.", false},
    [FEATURE_BY] = {WORD("by"), &name, "What ranks top values: count, or the attribute whose sum does.", false},
    [FEATURE_DEFAULT] = DEFAULT_KEY,
    [FEATURE_MAX_AGE] = {WORD("max_age"), &duration, "A value from no newer event than so long ago is stale.", false},
    [FEATURE_DESCRIPTION] = DESCRIPTION_KEY,
    [FEATURE_OWNER] = OWNER_KEY,
    [FEATURE_TAGS] = TAGS_KEY,
    [FEATURE_COUNT] = {WORD("count"), &only_true, "How many events.", false},
    [FEATURE_SUM] = {WORD("sum"), &name, "The attribute's sum.", false},
    [FEATURE_MEAN] = {WORD("mean"), &name, "The attribute's mean.", false},
    [FEATURE_MIN] = {WORD("min"), &name, "The attribute's least value.", false},
    [FEATURE_MAX] = {WORD("max"), &name, "The attribute's greatest value.", false},
    [FEATURE_VARIANCE] = {WORD("variance"), &name, "The attribute's variance, of a sample.", false},
    [FEATURE_STDDEV] = {WORD("stddev"), &name, "The attribute's standard deviation, of a sample.", false},
    [FEATURE_FIRST] = {WORD("first"), &name, "The attribute of the earliest event.", false},
    [FEATURE_LAST] = {WORD("last"), &name, "The attribute of the latest event.", false},
    [FEATURE_DISTINCT] = {WORD("distinct"), &name, "How many different values the attribute has.", false},
    [FEATURE_TOP] = {WORD("top"), &name, "The attribute's values that lead: a family, name.1 to name.k.", false},
    [FEATURE_RATIO] = {WORD("ratio"), &filters, "Which part of the events has these attributes.", false},
    [FEATURE_DECAYED] = {WORD("decayed"), &decayed,
        "The attribute's sum (true: the events) with old days fading.", false},
    [FEATURE_AGE] = {WORD("age"), &age, "How long ago the first or last event was.", false},
    [FEATURE_GAPS] = {WORD("gaps"), &gaps, "Days between one day with events and the next.", false},
    [FEATURE_ACTIVE_DAYS] = {WORD("active_days"), &only_true, "How many days with events.", false},
    [FEATURE_STREAK] = {WORD("streak"), &streak, "How many days with events in a row.", false},
    [FEATURE_RFM] = {WORD("rfm"), &name, "A family: frequency, recency, T and monetary, by day.", false},
};
const struct grammar_shape grammar_feature = KEYS(feature_keys);

/* The columns that snapshots and tables have besides the features, and the words of expressions that are no functions:
 * those are known by the bracket that follows. */
static const struct grammar_reserved reserved[] = {
    {WORD("customer"), "snapshots and tables have a column of that name"},
    {WORD("as_of"), "snapshots and tables have a column of that name"},
    {WORD("status"), "snapshots and tables have a column of that name"},
    {WORD("spine_row"), "snapshots have a column of that name"},
    {WORD("id"), "tables have a column of that name"},
    {WORD("remarks"), "tables have a column of that name"},
    {WORD("and"), "it is a word of expressions, and they could not name the feature"},
    {WORD("or"), "it is a word of expressions, and they could not name the feature"},
    {WORD("not"), "it is a word of expressions, and they could not name the feature"},
    {WORD("true"), "it is a word of expressions, and they could not name the feature"},
    {WORD("false"), "it is a word of expressions, and they could not name the feature"},
};
static const struct grammar_shape features = {.kind = GRAMMAR_MAP,
    .of = &grammar_feature,
    .nothing_too = true,
    .reserved = reserved,
    .reserved_count = COUNT_OF(reserved)};

/* --- derived features and services -------------------------------------------------------------------------------- */

static const struct grammar_key derived_keys[DERIVED_KEYS] = {
    [DERIVED_IS] = {WORD("is"), &expression, "How it is worked out from other features.", true},
    [DERIVED_DEFAULT] = DEFAULT_KEY,
    [DERIVED_DESCRIPTION] = DESCRIPTION_KEY,
    [DERIVED_OWNER] = OWNER_KEY,
    [DERIVED_TAGS] = TAGS_KEY,
};
const struct grammar_shape grammar_derived = KEYS(derived_keys);
static const struct grammar_shape *const derived_choices[] = {&expression, &grammar_derived};
static const struct grammar_shape derived_one = EITHER(derived_choices);
static const struct grammar_shape derived = {.kind = GRAMMAR_MAP,
    .of = &derived_one,
    .nothing_too = true,
    .reserved = reserved,
    .reserved_count = COUNT_OF(reserved)};

static const struct grammar_shape defaults = {.kind = GRAMMAR_MAP, .of = &scalar, .members_too = true};
static const struct grammar_key service_keys[SERVICE_KEYS] = {
    [SERVICE_FEATURES] = {WORD("features"), &feature_names, "In the order that the model takes them.", true},
    [SERVICE_DEFAULTS] = {WORD("defaults"), &defaults, "By feature, before the feature's own.", false},
    [SERVICE_DESCRIPTION] = DESCRIPTION_KEY,
    [SERVICE_OWNER] = OWNER_KEY,
    [SERVICE_TAGS] = TAGS_KEY,
};
const struct grammar_shape grammar_service = KEYS(service_keys);
static const struct grammar_shape *const service_choices[] = {&feature_names, &grammar_service};
static const struct grammar_shape service = EITHER(service_choices);
static const struct grammar_shape services = {.kind = GRAMMAR_MAP, .of = &service, .nothing_too = true};

/* --- identity ----------------------------------------------------------------------------------------------------- */

static const struct grammar_shape review_size = {
    .kind = GRAMMAR_WHOLE, .least = 1, .most = CUSTOMER_NODES_MAX - 1};
static const struct grammar_shape amount = {.kind = GRAMMAR_AMOUNT};
static const struct grammar_key identity_keys[IDENTITY_KEYS] = {
    [IDENTITY_MAX_SIZE] = {WORD("max_size"), &identifier_max,
        "What would have more identifiers than this is not joined.", false},
    [IDENTITY_REVIEW_SIZE] = {WORD("review_size"), &review_size,
        "Two customers that would have more together wait for a person.", false},
    [IDENTITY_REVIEW_BRIDGE] = {WORD("review_bridge"), &identifier_max,
        "So do two of so many each that only a weak identifier would join.", false},
    [IDENTITY_VALUE] = {WORD("value"), &feature_name,
        "The feature that says what a customer is worth: a number or money over the lifetime.", false},
    [IDENTITY_REVIEW_EITHER] = {WORD("review_either"), &amount,
        "Two customers wait for a person if one is worth this or more.", false},
    [IDENTITY_REVIEW_BOTH] = {WORD("review_both"), &amount,
        "Two customers wait for a person if each is worth this or more.", false},
    [IDENTITY_SECOND_PERSON] = {WORD("second_person"), &amount,
        "And for a second one if one of the two is worth this or more.", false},
    [IDENTITY_REVIEW_EXPIRES] = {WORD("review_expires"), &duration, "They wait for so long; 30d without.", false},
};
const struct grammar_shape grammar_identity = {
    .kind = GRAMMAR_KEYS, .keys = identity_keys, .key_count = IDENTITY_KEYS, .nothing_too = true};

/* --- the file ----------------------------------------------------------------------------------------------------- */

static const struct bytes unknown_words[] = {WORD("refuse"), WORD("drop"), WORD("keep")};
static const struct grammar_shape unknown = WORDS(unknown_words);

static const struct grammar_key root_keys[ROOT_KEYS] = {
    [ROOT_CURRENCY] = {WORD("currency"), &text, "Of all money: three letters; EUR without.", false},
    [ROOT_TIME_ZONE] = {WORD("time_zone"), &text, "Whose calendar days are: an IANA name; UTC without.", false},
    [ROOT_UNKNOWN_ATTRIBUTES] = {WORD("unknown_attributes"), &unknown,
        "What becomes of attributes that no event type has; refuse without.", false},
    [ROOT_IDENTIFIERS] = {WORD("identifiers"), &identifiers,
        "What tells customers apart, highest priority first.", true},
    [ROOT_EVENTS] = {WORD("events"), &events, "What can happen, with the types of its attributes.", true},
    [ROOT_MATCHING] = {WORD("matching"), &grammar_matching,
        "How records of people that share no identifier are compared.", false},
    [ROOT_SHARED_COSTS] = {WORD("shared_costs"), &shared_costs,
        "Events that may come without an identifier, and how they are shared out over customers.", false},
    [ROOT_FEATURES] = {WORD("features"), &features, "What is worked out from events.", false},
    [ROOT_DERIVED] = {WORD("derived"), &derived, "What is worked out from features.", false},
    [ROOT_IDENTITY] = {WORD("identity"), &grammar_identity, "What protects customers from being joined wrongly.",
        false},
    [ROOT_SERVICES] = {WORD("services"), &services, "Named lists of features: what models take.", false},
};
const struct grammar_shape grammar_root = KEYS(root_keys);
