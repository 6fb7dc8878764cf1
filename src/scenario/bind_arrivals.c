/* SPDX-License-Identifier: MIT
 *
 * Arrivals: streams of examinations, and what is wrong with them that no single key shows. */
#include "src/scenario/bind.h"

#define P(binder) ((binder)->scenario->population)

/* ---- Sites of a stream. */

static void bind_stream_sites(struct binder *binder, const struct tree *at, struct population_stream *stream)
{
    if (at != NULL) {
        stream->sites = bind_indexes(binder, NAMES_SITES, at, &stream->site_count);
        return;
    }
    uint32_t *all = bind_array(binder, binder->scenario->site_count + 1, sizeof *all);
    for (uint32_t s = 0; all != NULL && s < binder->scenario->site_count; s++) {
        bool place = binder->scenario->sites[s].exams_micro > 0 || P(binder).sites[s].pacs != NONE_OF;
        all[stream->site_count] = s;
        stream->site_count += place;
    }
    stream->sites = all;
}

/* A site with hospitals stands for them. */
static void expand_hospitals(struct binder *binder, struct population_stream *stream)
{
    const struct population *population = &P(binder);
    uint32_t domains = (uint32_t)population->domain_count, *list = bind_array(binder, stream->site_count + population->site_count, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; list != NULL && i < stream->site_count; i++) {
        size_t before = count;
        for (uint32_t s = domains; s < population->site_count; s++) {
            if (population->sites[s].domain == stream->sites[i]) {
                list[count++] = s;
            }
        }
        if (count == before) {
            list[count++] = stream->sites[i];
        }
    }
    stream->sites = list;
    stream->site_count = count;
}

static void check_sites(struct binder *binder, const struct tree *entry, const struct population_stream *stream)
{
    const struct tree *at = tree_get(entry, "at");
    const struct tree *name = one_first(at);
    int64_t exams = 0;
    for (size_t i = 0; i < stream->site_count; i++) {
        const struct population_site *site = &P(binder).sites[stream->sites[i]];
        exams += site->exams_micro;
        if (site->pacs == NONE_OF) {
            (void)complain(binder->to, "P503", name == NULL ? entry->key_at : name->at, "%s has no PACS that would keep its examinations (arrivals.%.*s)",
                           quoted(site->id).text, SLICE_ARGS(entry->key));
        }
        name = name == NULL ? NULL : one_next(at, name);
    }
    bool shared = stream->process == PROCESS_POISSON && stream->rate_micro == 0;
    if (shared && exams == 0 && stream->site_count > 0) {
        (void)complain_softly(binder->to, "P701", entry->key_at, "stream %s takes its share of nothing: no site of it has `exams`", quoted(entry->key).text);
    }
}

/* ---- Processes. */

static void bind_trace(struct binder *binder, const struct tree *trace, struct population_stream *stream)
{
    const struct tree *rows = tree_get(trace, "rows");
    struct trace_exam *list = bind_array(binder, (rows == NULL ? 0 : rows->count) + 1, sizeof *list);
    for (const struct tree *row = list == NULL ? NULL : list_first(rows); row != NULL; row = row->next) {
        const struct tree *patient = tree_get(row, "patient");
        struct trace_exam *exam = &list[stream->trace_count];
        uint32_t site = bind_index(binder, NAMES_SITES, tree_get(row, "site")), modality = bind_index(binder, NAMES_MODALITIES, tree_get(row, "modality"));
        exam->person = patient == NULL ? -1 : field_integer(ROOT_SCENARIO, "arrivals.*.process.trace.rows[].patient", patient);
        exam->site = site;
        exam->modality = modality;
        if (bind_instant(binder, tree_get(row, "at"), row, &exam->at) && site != NONE && modality != NONE) {
            stream->trace_count++;
        }
    }
    stream->trace = list;
}

/* at,site,modality[,patient]; the first line may name the columns. */
static void bind_trace_file(struct binder *binder, const struct tree *name, struct population_stream *stream)
{
    char path[512];
    slice source = SLICE_EMPTY;
    if (name->kind != TREE_TEXT || !bind_read_beside(binder, name, path, sizeof path, &source)) {
        return;
    }
    size_t lines = 1;
    for (size_t i = 0; i < source.size; i++) {
        lines += source.data[i] == '\n';
    }
    struct trace_exam *list = bind_array(binder, lines, sizeof *list);
    int line = 0;
    for (slice rest = source; list != NULL && rest.data != NULL;) {
        slice text = slice_trim(slice_cut(&rest, '\n')), cells = text;
        slice at = slice_trim(slice_cut(&cells, ',')), site = slice_trim(slice_cut(&cells, ',')), modality = slice_trim(slice_cut(&cells, ','));
        line++;
        if (text.size == 0 || text.data[0] == '#' || (line == 1 && slice_equal(at, SLICE("at")))) {
            continue;
        }
        const struct tree when = {.kind = TREE_TEXT, .text = at, .at = name->at, .key_at = name->at};
        struct trace_exam *exam = &list[stream->trace_count];
        exam->person = -1;
        bool known = map_find(&binder->names[NAMES_SITES].map, site, &exam->site) && map_find(&binder->names[NAMES_MODALITIES].map, modality, &exam->modality);
        if (!known || !bind_instant(binder, &when, NULL, &exam->at)) {
            (void)complain(binder->to, "P307", name->at, "line %d of %s is no arrival (at, site, modality, patient): %s", line, quoted(name->text).text, quoted(text).text);
            return;
        }
        (void)(cells.data != NULL && slice_to_int64(slice_trim(cells), &exam->person));
        stream->trace_count++;
    }
    stream->trace = list;
}

static void bind_burst_process(struct binder *binder, const struct tree *burst, struct population_stream *stream)
{
    stream->process = PROCESS_BURST;
    stream->at = binder->scenario->start;
    (void)bind_instant(binder, tree_get(burst, "at"), burst, &stream->at);
    stream->count = field_integer(ROOT_SCENARIO, "arrivals.*.process.burst.count", tree_get(burst, "count"));
    stream->within = field_integer(ROOT_SCENARIO, "arrivals.*.process.burst.within", tree_get(burst, "within"));
}

static void bind_process(struct binder *binder, const struct tree *process, struct population_stream *stream)
{
    const struct tree *poisson = tree_get(process, "poisson"), *schedule = tree_get(process, "schedule"), *burst = tree_get(process, "burst");
    const struct tree *trace = tree_get(process, "trace"), *backlog = tree_get(process, "backlog");
    stream->process = PROCESS_POISSON;
    if (schedule != NULL) {
        stream->process = PROCESS_SCHEDULE;
        stream->every = field_integer(ROOT_SCENARIO, "arrivals.*.process.schedule.every", tree_get(schedule, "every"));
        stream->jitter = field_integer(ROOT_SCENARIO, "arrivals.*.process.schedule.jitter", tree_get(schedule, "jitter"));
        stream->count = field_integer(ROOT_SCENARIO, "arrivals.*.process.schedule.count", tree_get(schedule, "count"));
        if (stream->jitter > stream->every / 2) {
            (void)complain(binder->to, "P303", tree_get(schedule, "jitter")->at, "a jitter of more than half of `every` would put arrivals out of order");
        }
    } else if (burst != NULL) {
        bind_burst_process(binder, burst, stream);
    } else if (backlog != NULL) {
        stream->process = PROCESS_SCHEDULE;
        stream->every = field_integer(ROOT_SCENARIO, "arrivals.*.process.backlog.every", tree_get(backlog, "every"));
        stream->count = field_integer(ROOT_SCENARIO, "arrivals.*.process.backlog.count", tree_get(backlog, "count"));
    } else if (trace != NULL) {
        stream->process = PROCESS_TRACE;
        const struct tree *file = tree_get(trace, "file");
        if ((file == NULL) == (tree_get(trace, "rows") == NULL)) {
            (void)complain(binder->to, "P213", trace->key_at, "a trace is a `file`, or its `rows`");
        } else if (file != NULL) {
            bind_trace_file(binder, file, stream);
        } else {
            bind_trace(binder, trace, stream);
        }
    } else {
        stream->day_noise_micro = field_integer(ROOT_SCENARIO, "arrivals.*.process.poisson.day_noise", tree_get(poisson, "day_noise"));
    }
}

/* ---- How many. */

static void bind_amount(struct binder *binder, const struct tree *entry, struct population_stream *stream)
{
    const struct tree *share = tree_get(entry, "share"), *rate = tree_get(entry, "rate"), *by = tree_get(entry, "share_by");
    int said = (share != NULL) + (rate != NULL) + (by != NULL);
    stream->rate_micro = field_integer(ROOT_SCENARIO, "arrivals.*.rate", rate);
    stream->share_micro = share == NULL ? MILLION : field_integer(ROOT_SCENARIO, "arrivals.*.share", share);
    stream->share_by_micro = bind_by_modality(binder, by);
    stream->scale_micro = field_integer(ROOT_SCENARIO, "arrivals.*.scale", tree_get(entry, "scale"));
    if (said > 1) {
        (void)complain(binder->to, "P213", entry->key_at, "stream %s has one of share, share_by, rate; %d stand here", quoted(entry->key).text, said);
    }
    const struct tree *odd = share != NULL ? share : by != NULL ? by : rate;
    if (stream->process != PROCESS_POISSON && odd != NULL) {
        (void)complain(binder->to, "P213", odd->key_at, "`%.*s` is for poisson; the process of stream %s says itself how many come", SLICE_ARGS(odd->key),
                       quoted(entry->key).text);
    }
}

static void bind_shape_keys(struct binder *binder, const struct tree *entry, struct population_stream *stream)
{
    const struct tree *shape = tree_get(entry, "shape"), *holidays = tree_get(entry, "on_holidays");
    slice anchor = field_text(ROOT_SCENARIO, "arrivals.*.anchor", tree_get(entry, "anchor"));
    stream->hours = bind_shape_of(binder, tree_get(shape, "hours"), SHAPE_HOURS);
    stream->days = bind_shape_of(binder, tree_get(shape, "days"), SHAPE_DAYS);
    stream->months = bind_shape_of(binder, tree_get(shape, "months"), SHAPE_MONTHS);
    stream->calendar = bind_calendar_of(binder, tree_get(entry, "calendar"));
    stream->holiday_micro = holidays == NULL ? 0 : field_integer(ROOT_SCENARIO, "arrivals.*.on_holidays", holidays);
    stream->anchor = anchor.size == 0 ? ANCHOR_BY_PROCESS : slice_equal(anchor, SLICE("first")) ? ANCHOR_FIRST : ANCHOR_ACQUIRE;
    if (shape != NULL && stream->process != PROCESS_POISSON) {
        (void)complain(binder->to, "P213", shape->key_at, "`shape` is for poisson; the process of stream %s says itself when they come", quoted(entry->key).text);
    }
}

/* ---- Mix. */

static bool site_mixes(const struct binder *binder, const struct population_stream *stream)
{
    for (size_t i = 0; i < stream->site_count; i++) {
        if (P(binder).sites[stream->sites[i]].mix_micro == NULL) {
            return false;
        }
    }
    return stream->site_count > 0;
}

/* Every modality that may come here has a time in the `acquire` of its pathway. */
static void check_acquire(struct binder *binder, const struct tree *entry, const struct population_stream *stream)
{
    const struct tree *name = tree_get(entry, "pathway"), *mix = tree_get(entry, "mix");
    const struct tree *pathway = name == NULL || name->kind != TREE_TEXT ? NULL : tree_get(tree_get(binder->root, "pathways"), name->text.data);
    for (const struct tree *step = list_first(pathway); step != NULL; step = step->next) {
        const struct tree *acquire = tree_get(step, "acquire");
        for (const struct tree *part = acquire == NULL ? NULL : map_first(mix); part != NULL; part = part->next) {
            uint32_t modality = 0;
            bool comes = map_find(&binder->names[NAMES_MODALITIES].map, part->key, &modality) && stream->mix_micro != NULL && stream->mix_micro[modality] > 0;
            if (comes && tree_get(acquire, part->key.data) == NULL) {
                struct problem *added = complain(binder->to, "P112", part->key_at, "pathway %s has no time for %.*s in its `acquire` (arrivals.%.*s.mix)",
                                                 quoted(name->text).text, SLICE_ARGS(part->key), SLICE_ARGS(entry->key));
                problem_relate(added, acquire->key_at, "times of acquisition stand here");
            }
        }
    }
}

static void bind_mix(struct binder *binder, const struct tree *entry, struct population_stream *stream)
{
    const struct tree *mix = tree_get(entry, "mix");
    stream->mix_micro = bind_by_modality(binder, mix);
    (void)bind_sum_is_one(binder, mix, "arrivals", entry->key, "mix");
    if (mix == NULL && stream->process != PROCESS_TRACE && !site_mixes(binder, stream)) {
        (void)complain(binder->to, "P112", entry->key_at, "arrivals.%.*s.mix is missing, and not every site of the stream has a `mix`", SLICE_ARGS(entry->key));
    }
    check_acquire(binder, entry, stream);
}

static void bind_bursts(struct binder *binder, const struct tree *entry, struct population_stream *stream)
{
    const struct tree *bursts = tree_get(entry, "bursts");
    struct population_burst *list = bind_array(binder, (bursts == NULL ? 0 : bursts->count) + 1, sizeof *list);
    for (const struct tree *row = list == NULL ? NULL : list_first(bursts); row != NULL; row = row->next) {
        struct population_burst *burst = &list[stream->burst_count];
        burst->id = field_text(ROOT_SCENARIO, "arrivals.*.bursts[].id", tree_get(row, "id"));
        burst->site = bind_index(binder, NAMES_SITES, tree_get(row, "site"));
        burst->count = field_integer(ROOT_SCENARIO, "arrivals.*.bursts[].exams", tree_get(row, "exams"));
        burst->within = field_integer(ROOT_SCENARIO, "arrivals.*.bursts[].within", tree_get(row, "within"));
        burst->mix_micro = bind_by_modality(binder, tree_get(row, "mix"));
        (void)bind_sum_is_one(binder, tree_get(row, "mix"), "bursts", burst->id, "mix");
        if (bind_instant(binder, tree_get(row, "at"), row, &burst->at) && burst->site != NONE) {
            bind_inside(binder, tree_get(row, "at"), burst->at);
            stream->burst_count++;
        }
    }
    stream->bursts = list;
}

static void bind_stream(struct binder *binder, const struct tree *entry, struct population_stream *stream)
{
    stream->id = entry->key;
    bind_stream_sites(binder, tree_get(entry, "at"), stream);
    expand_hospitals(binder, stream);
    bind_process(binder, tree_get(entry, "process"), stream);
    bind_amount(binder, entry, stream);
    bind_shape_keys(binder, entry, stream);
    bind_mix(binder, entry, stream);
    bind_bursts(binder, entry, stream);
    stream->pathway = bind_index(binder, NAMES_PATHWAYS, tree_get(entry, "pathway"));
    check_sites(binder, entry, stream);
}

void bind_arrivals(struct binder *binder)
{
    const struct tree *arrivals = tree_get(binder->root, "arrivals");
    size_t max = arrivals == NULL || arrivals->kind != TREE_MAP ? 0 : arrivals->count, count = 0;
    struct population_stream *streams = bind_array(binder, max + 1, sizeof *streams);
    for (const struct tree *entry = streams == NULL ? NULL : map_first(arrivals); entry != NULL; entry = entry->next) {
        bind_stream(binder, entry, &streams[count++]);
    }
    P(binder).streams = streams;
    P(binder).stream_count = count;
    if (count > 0 && tree_get(binder->root, "patients") == NULL) {
        (void)complain(binder->to, "P112", arrivals->key_at, "`patients` is missing: somebody must come");
    }
    if (count > 0 && binder->scenario->length == 0) {
        (void)complain(binder->to, "P112", arrivals->key_at, "run.clock.length is missing: it says how long examinations arrive");
    }
}
