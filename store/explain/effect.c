#include "store/explain/effect.h"

#include "store/features/profile_rows.h"
#include "store/read.h"

enum patron_code effect_select(const struct definitions *definitions, struct bytes service, struct arena *arena,
    struct selection *selection, struct error *error)
{
    size_t count = 0;
    struct bytes *names = NULL;
    if (service.length == 0) {
        count = definitions->feature_count < READ_FEATURES_MAX ? definitions->feature_count : READ_FEATURES_MAX;
        names = arena_array(arena, count, sizeof *names);
        for (size_t i = 0; i < count; i++)
            names[i] = definitions->features[i].name;
        if (count == 0) {
            *selection = (struct selection){0};
            return PATRON_OK;
        }
    }
    return definitions_select(definitions, service, names, count, arena, selection, error);
}

/* The values of a profile that may be changed: it is moved on to T - 1. */
static void side_evaluate(const struct effect_question *question, struct profile *profile, struct arena *scratch,
    struct effect_side *side)
{
    size_t count = question->selection.count;
    side->events = profile->event_count + profile->pending_count;
    profile_advance(profile, question->as_of_us - 1);
    side->row.values = arena_array(question->arena, count, sizeof *side->row.values);
    struct row_question row = {&question->selection, side->customer, question->as_of_us, scratch};
    row_evaluate(profile, &row, &side->row);
    for (size_t i = 0; i < count; i++)
        if (side->row.values[i].text.length > 0)
            side->row.values[i].text = arena_copy(question->arena, side->row.values[i].text);
}

static enum patron_code parts_of(const struct effect_question *question, uint64_t customer,
    const struct profile_parts **parts, struct error *error)
{
    enum patron_code code = profile_parts_at(question->view, customer, parts, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "customer %llu has no profile: run patron verify",
            (unsigned long long)customer);
    return code;
}

enum patron_code effect_of_customer(const struct effect_question *question, uint64_t customer,
    struct effect_side *side, struct error *error)
{
    const struct profile_parts *parts;
    struct explained_node *nodes;
    *side = (struct effect_side){.customer = customer};
    TRY(explain_nodes(question->view, customer, question->as_of_us, question->arena, &nodes, &side->node_count, error));
    side->nodes = nodes;
    TRY(parts_of(question, customer, &parts, error));
    struct arena scratch = {0};
    struct profile profile;
    enum patron_code code = profile_decode(&profile, question->view->layout, parts, &scratch, error);
    if (code == PATRON_OK)
        side_evaluate(question, &profile, &scratch, side);
    arena_clear(&scratch);
    profile_parts_release(parts);
    return code;
}

static const struct explained_node *nodes_merge(
    const struct effect_side *a, const struct effect_side *b, struct arena *arena)
{
    struct explained_node *nodes = arena_array(arena, a->node_count + b->node_count, sizeof *nodes);
    size_t i = 0, j = 0;
    while (i < a->node_count || j < b->node_count) {
        bool first = j == b->node_count ||
            (i < a->node_count && a->nodes[i].member.node < b->nodes[j].member.node);
        nodes[i + j] = first ? a->nodes[i] : b->nodes[j];
        i += first;
        j += !first;
    }
    return nodes;
}

enum patron_code effect_of_merged(const struct effect_question *question, const struct effect_side *a,
    const struct effect_side *b, struct effect_side *side, struct error *error)
{
    const struct profile_parts *parts_a, *parts_b;
    *side = (struct effect_side){.customer = a->customer < b->customer ? a->customer : b->customer,
        .nodes = nodes_merge(a, b, question->arena),
        .node_count = a->node_count + b->node_count};
    TRY(parts_of(question, a->customer, &parts_a, error));
    enum patron_code code = parts_of(question, b->customer, &parts_b, error);
    if (code != PATRON_OK) {
        profile_parts_release(parts_a);
        return code;
    }
    struct arena scratch = {0};
    struct profile one, other;
    code = profile_decode(&one, question->view->layout, parts_a, &scratch, error);
    if (code == PATRON_OK)
        code = profile_decode(&other, question->view->layout, parts_b, &scratch, error);
    if (code == PATRON_OK) {
        profile_merge(&one, &other);
        side_evaluate(question, &one, &scratch, side);
    }
    arena_clear(&scratch);
    profile_parts_release(parts_a);
    profile_parts_release(parts_b);
    return code;
}

/* The parts as one. What is decoded borrows from its rows. */
static enum patron_code part_evaluate(const struct effect_question *question, const struct split_part *parts,
    size_t count, struct effect_side *side, struct error *error)
{
    struct arena scratch = {0};
    struct profile whole, other;
    const struct profile_parts **rows = arena_array(&scratch, count, sizeof *rows);
    enum patron_code code = PATRON_OK;
    size_t made = 0;
    while (made < count && code == PATRON_OK) {
        rows[made] = profile_encode(parts[made].profile);
        code = profile_decode(
            made == 0 ? &whole : &other, parts[made].profile->layout, rows[made], &scratch, error);
        if (made > 0 && code == PATRON_OK)
            profile_merge(&whole, &other);
        made++;
    }
    if (code == PATRON_OK)
        side_evaluate(question, &whole, &scratch, side);
    for (size_t i = 0; i < made; i++)
        profile_parts_release(rows[i]);
    arena_clear(&scratch);
    return code;
}

enum patron_code effect_of_part(const struct effect_question *question, const struct effect_side *whole,
    const struct split_part *part, struct effect_side *side, struct error *error)
{
    struct explained_node *nodes = arena_array(question->arena, part->node_count, sizeof *nodes);
    *side = (struct effect_side){.customer = part->customer, .nodes = nodes};
    for (size_t i = 0, at = 0; i < part->node_count; i++) {
        while (at < whole->node_count && whole->nodes[at].member.node < part->nodes[i])
            at++;
        if (at < whole->node_count && whole->nodes[at].member.node == part->nodes[i])
            nodes[side->node_count++] = whole->nodes[at];
    }
    return part_evaluate(question, part, 1, side, error);
}

enum patron_code effect_before_split(const struct effect_question *question, const struct split_plan *plan,
    struct effect_side *side, struct error *error)
{
    struct explained_node *nodes;
    *side = (struct effect_side){.customer = plan->customer};
    TRY(explain_nodes(question->view, plan->customer, question->as_of_us - 1, question->arena, &nodes,
        &side->node_count, error));
    side->nodes = nodes;
    return part_evaluate(question, plan->parts, plan->part_count, side, error);
}

enum patron_code effect_after_split(const struct effect_question *question, const struct split_part *part,
    struct effect_side *side, struct error *error)
{
    struct explained_node *nodes;
    *side = (struct effect_side){.customer = part->customer};
    TRY(explain_nodes(question->view, part->customer, question->as_of_us, question->arena, &nodes,
        &side->node_count, error));
    side->nodes = nodes;
    return part_evaluate(question, part, 1, side, error);
}
