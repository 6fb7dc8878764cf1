/* SPDX-License-Identifier: MIT */
#include "src/actor/serial.h"

/* A full list hands out its last slot again: `full` says that nothing of this step will be let out. */
static size_t take_slot(size_t *count, size_t max, bool *full)
{
    if (*count == max) {
        *full = true;
        return max - 1;
    }
    return (*count)++;
}

struct command *out_command(struct out *out, enum command_kind kind)
{
    struct command *command = &out->commands[take_slot(&out->command_count, OUT_COMMANDS_MAX, &out->full)];
    *command = (struct command){.kind = kind};
    return command;
}

struct record *out_record(struct out *out, uint16_t table)
{
    struct record *record = &out->records[take_slot(&out->record_count, OUT_RECORDS_MAX, &out->full)];
    *record = (struct record){.table = table};
    return record;
}

struct observation *out_observe(struct out *out, enum observation_kind kind, time_ns at_ns)
{
    struct observation *observation =
        &out->observations[take_slot(&out->observation_count, OUT_OBSERVATIONS_MAX, &out->full)];
    *observation = (struct observation){.kind = kind, .at_ns = at_ns};
    return observation;
}

static void send_copy(struct out *out, int64_t channel, const struct message *message)
{
    struct message *copy = arena_take(out->arena, sizeof *copy);
    struct command *send = out_command(out, COMMAND_SEND);
    send->channel = channel;
    send->protocol = message->protocol;
    if (copy == NULL || message_copy(copy, message, out->arena) != ERR_OK) {
        out->full = true;
        return;
    }
    send->run = (struct run){copy, 1};
}

void out_send_dimse(struct out *out, int64_t channel, const struct dimse *message)
{
    struct message whole; /* its HL7 is nobody's to read */
    whole.protocol = PROTOCOL_DICOM;
    whole.dimse = *message;
    whole.unreadable = SLICE_EMPTY;
    send_copy(out, channel, &whole);
}

void out_send_hl7(struct out *out, int64_t channel, const struct hl7_value *value)
{
    struct message whole;
    whole.protocol = PROTOCOL_HL7;
    whole.hl7 = *value;
    whole.unreadable = SLICE_EMPTY;
    send_copy(out, channel, &whole);
}

void out_note(struct out *out, slice text)
{
    struct command *note = out_command(out, COMMAND_NOTE);
    note->text = arena_copy(out->arena, text);
    if (note->text.data == NULL) {
        note->text = SLICE_EMPTY;
        out->full = true;
    }
}

void out_clear(struct out *out)
{
    out->command_count = out->record_count = out->observation_count = 0;
    out->full = false;
    arena_reset(out->arena);
}

slice plan_get(const struct plan_entry *entry, const char *name)
{
    slice wanted = slice_from(name);
    for (size_t i = 0; i < entry->argument_count; i++) {
        if (slice_equal(entry->arguments[i].name, wanted)) {
            return entry->arguments[i].value;
        }
    }
    return SLICE_EMPTY;
}

int64_t plan_get_int(const struct plan_entry *entry, const char *name, int64_t otherwise)
{
    int64_t number = 0;
    return slice_to_int64(plan_get(entry, name), &number) ? number : otherwise;
}
