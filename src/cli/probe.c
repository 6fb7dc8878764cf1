/* SPDX-License-Identifier: MIT */
#include "src/cli/probe.h"

#include "src/dicom/uid.h"

#include <stdio.h>

#define TEXT_MAX 16384

static const struct row {
    enum quirk quirk;
    const char *expect, *copes, *command;
} rows[] = {
#define PROBE(quirk, expect, copes, command) {QUIRK_##quirk, expect, copes, command},
#include "src/cli/probe.def"
#undef PROBE
};
_Static_assert(sizeof rows / sizeof rows[0] == QUIRK_COUNT, "every quirk has one probe");

static const struct row *row_of(enum quirk quirk)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].quirk == quirk) {
            return &rows[i];
        }
    }
    return NULL;
}

enum err probe_init(struct probe *probe, const struct vendor_profile *vendor, struct peer node, struct peer client, struct arena *arena)
{
    *probe = (struct probe){.vendor = vendor, .node = node, .client = client, .arena = arena};
    return vendors_studies(&probe->studies, PROBE_STUDIES, PROBE_SEED, node.aet, arena);
}

/* ---- Words that stand for the studies of seed 1. */

static bool is_ascii(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static slice uid_of(const struct probe *probe, const struct node_study *study)
{
    char text[UID_SIZE_MAX + 1];
    return arena_copy(probe->arena, image_study_uid(PROBE_SEED, study, text));
}

/* The nth study of a modality whose patient's name is ASCII; that with the accented name when `accented`. */
static const struct node_study *study_of(const struct probe *probe, const char *modality, size_t nth, bool accented)
{
    for (size_t i = 0; i < PROBE_STUDIES; i++) {
        const struct node_study *study = &probe->studies[i];
        if (slice_equal(study->modality, slice_from(modality)) && is_ascii(study->name) != accented && nth-- == 0) {
            return study;
        }
    }
    return &probe->studies[0];
}

/* One study more than the quirk's parameter. */
static void put_more(struct buffer *to, const struct probe *probe, const struct quirk_setting *setting, const char *between)
{
    for (int64_t i = 0; i <= setting->number && i < 32; i++) {
        buffer_put_text(to, i == 0 ? "" : between);
        buffer_put(to, uid_of(probe, study_of(probe, "CR", (size_t)i, false)));
    }
}

static void put_odd(struct buffer *to, const struct probe *probe)
{
    for (size_t i = 0; i < PROBE_STUDIES; i++) {
        slice uid = uid_of(probe, &probe->studies[i]);
        if (uid.size % 2 == 1) {
            buffer_put(to, uid);
            return;
        }
    }
}

static void put_small(struct buffer *to, slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        buffer_put_byte(to, (uint8_t)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + 32 : text.data[i]));
    }
}

static void put_padded(struct buffer *to, slice number, int64_t width)
{
    for (int64_t i = (int64_t)number.size; i < width; i++) {
        buffer_put_byte(to, '0');
    }
    buffer_put(to, number);
}

static void put_status(struct buffer *to, int64_t status)
{
    char text[8];
    snprintf(text, sizeof text, "%04llx", (unsigned long long)status & 0xffff);
    buffer_put_text(to, text);
}

static bool put_uid_word(struct buffer *to, const struct probe *probe, slice word)
{
    static const struct {
        const char *word, *modality;
        size_t nth;
        bool accented;
    } uids[] = {
        {"cr", "CR", 0, false}, {"ct", "CT", 0, false}, {"mg", "MG", 0, false}, {"mr", "MR", 0, false}, {"mr2", "MR", 1, false},
        {"once", "US", 0, false}, {"dx", "DX", 0, false}, /* no other probe touches these */
        {"accented", "CR", 0, true},
    };
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        if (slice_equal(word, slice_from(uids[i].word))) {
            buffer_put(to, uid_of(probe, study_of(probe, uids[i].modality, uids[i].nth, uids[i].accented)));
            return true;
        }
    }
    return false;
}

static bool is(slice word, const char *text)
{
    return slice_equal(word, slice_from(text));
}

static bool put_study_word(struct buffer *to, const struct probe *probe, const struct quirk_setting *setting, slice word)
{
    const struct node_study *cr = study_of(probe, "CR", 0, false), *ct = study_of(probe, "CT", 0, false);
    char series[UID_SIZE_MAX + 1];
    if (is(word, "cr-images") || is(word, "ct-images")) {
        buffer_put_int(to, is(word, "cr-images") ? cr->image_count : ct->image_count);
    } else if (is(word, "ct-series")) {
        buffer_put(to, image_series_uid(PROBE_SEED, ct, 0, series));
    } else if (is(word, "odd")) {
        put_odd(to, probe);
    } else if (is(word, "more-uids") || is(word, "more-uids-joined")) {
        put_more(to, probe, setting, is(word, "more-uids") ? " " : "\\");
    } else if (is(word, "patient")) {
        buffer_put(to, cr->patient_id);
    } else if (is(word, "padded")) {
        put_padded(to, cr->patient_id, setting->number);
    } else if (is(word, "name")) {
        buffer_put(to, cr->name);
    } else if (is(word, "small-name")) {
        put_small(to, cr->name);
    } else if (is(word, "birth-date")) {
        buffer_put(to, cr->birth_date);
    } else if (is(word, "accession")) {
        buffer_put(to, cr->accession);
    } else {
        return put_uid_word(to, probe, word);
    }
    return true;
}

/* ---- Words that stand for the node, the receiver and the quirk's parameter. */

static void put_peer(struct buffer *to, const struct peer *peer, const char *between)
{
    buffer_put(to, peer->host);
    buffer_put_text(to, between);
    buffer_put_int(to, peer->dicom_port);
}

static bool put_peer_word(struct buffer *to, const struct probe *probe, slice word)
{
    if (is(word, "aet") || is(word, "client")) {
        buffer_put(to, is(word, "aet") ? probe->node.aet : probe->client.aet);
    } else if (is(word, "at") || is(word, "tcp-at")) {
        put_peer(to, &probe->node, is(word, "at") ? " " : "/");
    } else if (is(word, "client-at")) {
        put_peer(to, &probe->client, " ");
    } else if (is(word, "port")) {
        buffer_put_int(to, probe->client.dicom_port);
    } else {
        return false;
    }
    return true;
}

static bool put_parameter_word(struct buffer *to, const struct quirk_setting *setting, slice word)
{
    if (is(word, "number")) {
        buffer_put_int(to, setting->number);
    } else if (is(word, "text")) {
        buffer_put(to, setting->text);
    } else if (is(word, "status")) {
        put_status(to, setting->number);
    } else {
        return false;
    }
    return true;
}

/* ---- Words that are templates themselves; {} is what stands behind the colon. The commit ones are an A-ASSOCIATE-RQ
 * (PS3.8 9.3.2) around the two titles, and an N-ACTION-RQ (PS3.4 J.3.2) about one instance that nobody has. */
static const struct {
    const char *name, *text;
} macros[] = {
    {"as", "-aet {client} -aec {aet}"},
    {"echo", "echoscu {as} {at}"},
    {"find", "findscu -v -S {as} {at} -k QueryRetrieveLevel=STUDY"},
    {"move", "movescu -v -S {as} -aem {client} +P {port} --ignore {at} -k QueryRetrieveLevel=STUDY"},
    {"move-d", "movescu -d -S {as} -aem {client} +P {port} --ignore {at} -k QueryRetrieveLevel=STUDY"},
    {"scratch", "p=; d=$(mktemp -d); trap 'kill $p 2>/dev/null; rm -r \"$d\"' EXIT;"},
    {"receiver", "storescp -v {} -aet {client} {port} >\"$d/log\" 2>&1 & p=\"$p $!\"; until echoscu {client-at} 2>/dev/null; do kill -0 $! || exit 1; done;"},
    {"rows", "awk '/Find Response: /{n++} /Final Find Response .Success/{s = 1} END{exit !(s && n {})}'"},
    {"stores", "awk '/Received Store Request/{n++} /Final Move Response .Success/{s = 1} END{exit !(s && n {})}'"},
    {"lacks", "awk '/Find Response: /{n++} n && /{}/ && !/no value/{x = 1} END{exit !(n && !x)}'"},
    {"commit-1", "\\001\\000\\000\\000\\000\\247\\000\\001\\000\\000"},
    {"commit-2", "\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000"
     "\\000\\000\\000\\000\\000\\000\\020\\000\\000\\0251.2.840.10008.3.1.1.1\\040\\000\\0001\\001\\000\\000\\0000\\000\\000\\0241.2.840"
     ".10008.1.20.1@\\000\\000\\0211.2.840.10008.1.2P\\000\\000\\021Q\\000\\000\\004\\000\\000@\\000R\\000\\000\\0051.2.3"},
    {"commit-3", "\\004\\000\\000\\000\\000\\310\\000\\000\\000p\\001\\003\\000\\000\\000\\000\\004\\000\\000\\000b\\000\\000\\000\\000\\000\\003"
     "\\000\\024\\000\\000\\0001.2.840.10008.1.20.1\\000\\000\\000\\001\\002\\000\\000\\0000\\001\\000\\000\\020\\001\\002\\000\\000"
     "\\000\\001\\000\\000\\000\\000\\010\\002\\000\\000\\000\\001\\000\\000\\000\\001\\020\\026\\000\\000\\0001.2.840.10008.1.20.1.1"
     "\\000\\000\\010\\020\\002\\000\\000\\000\\001\\000\\000\\000\\000P\\001\\002\\010\\000\\225\\021\\006\\000\\000\\0002.25.1\\010"
     "\\000\\231\\0218\\000\\000\\000\\376\\377\\000\\3400\\000\\000\\000\\010\\000P\\021\\032\\000\\000\\0001.2.840.10008.5.1.4.1.1.2"
     "\\000\\010\\000U\\021\\006\\000\\000\\0002.25.2"},
};

struct expansion {
    const struct probe *probe;
    const struct quirk_setting *setting;
    int depth;
};

static void expand(struct buffer *to, const struct expansion *with, slice text, slice argument);

static bool put_macro(struct buffer *to, const struct expansion *with, slice word)
{
    slice argument = word, name = slice_cut(&argument, ':');
    struct expansion inner = {with->probe, with->setting, with->depth + 1};
    for (size_t i = 0; i < sizeof macros / sizeof macros[0] && inner.depth < 5; i++) {
        if (slice_equal(name, slice_from(macros[i].name))) {
            expand(to, &inner, slice_from(macros[i].text), argument);
            return true;
        }
    }
    return false;
}

/* The size of the braces that begin here: to the one that closes them. */
static size_t braces(slice text)
{
    size_t depth = 0;
    for (size_t i = 0; i < text.size; i++) {
        depth += text.data[i] == '{';
        depth -= text.data[i] == '}';
        if (depth == 0) {
            return i + 1;
        }
    }
    return text.size;
}

/* Braces that hold no word of ours are the shell's own and awk's. */
static void expand(struct buffer *to, const struct expansion *with, slice text, slice argument)
{
    while (text.size > 0) {
        size_t plain = slice_index(text, '{');
        buffer_put(to, slice_before(text, plain));
        text = slice_after(text, plain);
        if (text.size == 0) {
            return;
        }
        size_t size = braces(text);
        slice word = slice_before(slice_after(text, 1), size - 2);
        if (size == 2) {
            expand(to, with, argument, SLICE_EMPTY);
        } else if (!put_macro(to, with, word) && !put_peer_word(to, with->probe, word) && !put_parameter_word(to, with->setting, word) &&
                   !put_study_word(to, with->probe, with->setting, word)) {
            buffer_put_byte(to, '{');
            size = 1;
        }
        text = slice_after(text, size);
    }
}

static slice filled(const struct probe *probe, enum quirk quirk, const char *text)
{
    struct expansion with = {probe, &probe->vendor->quirks[quirk], 0};
    struct buffer to = buffer_make(probe->arena, TEXT_MAX);
    expand(&to, &with, slice_from(text), SLICE_EMPTY);
    return to.full ? (slice){NULL, 0} : buffer_slice(&to);
}

slice probe_expect(const struct probe *probe, enum quirk quirk)
{
    return filled(probe, quirk, row_of(quirk)->expect);
}

slice probe_command(const struct probe *probe, enum quirk quirk)
{
    return filled(probe, quirk, row_of(quirk)->command);
}

const char *probe_copes(enum quirk quirk)
{
    return row_of(quirk)->copes;
}
