#include "keeper/crash_note.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/value_text.h"
#include "keeper/worker.h"

#include <string.h>

#define LINE_BYTES 700       // of one quoted text in the log line; the option's highest value fits
#define TRACE_LINE_BYTES 900 // of a backtrace in the log line; the crash log has all of it

void crash_note_turn(struct end *end, const struct worker *worker, int32_t host_pid) {
    const struct turn_record *record = worker_turn(worker, worker->tail);
    end->turn = (enum turn_kind)record->kind;
    end->message = worker_payload(worker, record);
    end->attempts = record->note_attempts;
    end->host_pid = host_pid;
    // In a terminate after a stop it is still the message that asked for the stop; after a crash
    // the one that crashed.
    if (worker->chain == CHAIN_CONTINUE) {
        end->turn = TURN_CONTINUE;
        end->message = slice_of(worker->chain_argument.data, worker->chain_argument.bytes);
    } else if (worker->chain == CHAIN_TIMEOUT) {
        end->turn = TURN_INFO;
        end->message = envelope_timeout();
    }
}

static struct slice slice_text(const char *text) {
    return slice_of(text, text == NULL ? 0 : strlen(text));
}

static struct crash_report report_of(const struct shard *shard, const struct actor *actor,
                                     const struct end *end) {
    const struct behaviour *behaviour = shard_behaviour(shard, actor);
    return (struct crash_report){
        .unit = actor->unit,
        .incarnation = actor_id(actor),
        .name = actor_name(actor),
        .behaviour = slice_text(behaviour->name),
        .version = slice_text(behaviour->version),
        .kind = crash_kind_text(end->kind),
        .reason = end->reason,
        .text = slice_text(end->text),
        .trace = end->trace,
        .message = end->message,
        .message_set_aside = end->killed_host,
        .attempts = end->attempts,
        .state_version = actor->version,
        .host_pid = end->host_pid,
        .at_ms = clock_wall_ms(),
    };
}

// --- the line ---

// A Value, quoted and cut to the limit of the option.
static const char *quote_value(const struct shard *shard, char room[static LINE_BYTES],
                               struct slice value) {
    char     text[LOG_VALUE_BYTES_MAX + 4];
    uint32_t bytes = shard->options->log_value_bytes;
    if (bytes > LOG_VALUE_BYTES_MAX) bytes = LOG_VALUE_BYTES_MAX;
    size_t used = value_text(text, bytes + 4, (struct peeper_value){value.data, value.bytes});
    return log_quote(room, LINE_BYTES, text, (uint32_t)used);
}

// The lines of a backtrace as one.
static const char *quote_trace(char room[static TRACE_LINE_BYTES], struct slice trace) {
    char     text[TRACE_LINE_BYTES];
    uint32_t bytes = trace.bytes < sizeof text ? (uint32_t)trace.bytes : (uint32_t)sizeof text;
    for (uint32_t i = 0; i < bytes; i++)
        text[i] = trace.data[i] == '\n' ? ';' : (char)trace.data[i];
    return log_quote(room, TRACE_LINE_BYTES, text, bytes);
}

static void write_line(const struct shard *shard, const struct crash_report *report,
                       enum turn_kind turn, const char *turn_name) {
    char name[300], text[300], reason[LINE_BYTES], message[LINE_BYTES], trace[TRACE_LINE_BYTES];
    bool whole = report->message.bytes <= CRASH_MESSAGE_BYTES_MAX;
    LOG_ERROR("actor.crashed",
              "name=%s unit=%llu id=%llu crash=%llu behaviour=%.63s kind=%s reason=%s where=%s "
              "turn=%s message_bytes=%zu message=%s state_version=%llu host_pid=%d attempts=%u "
              "message_set_aside=%d backtrace=%s",
              log_quote(name, sizeof name, report->name.data, (uint32_t)report->name.bytes),
              (unsigned long long)report->unit, (unsigned long long)report->incarnation,
              (unsigned long long)report->id, (const char *)report->behaviour.data, report->kind,
              quote_value(shard, reason, report->reason),
              log_quote(text, sizeof text, report->text.data, (uint32_t)report->text.bytes),
              turn_name, report->message.bytes,
              turn != 0 && whole ? quote_value(shard, message, report->message) : "-",
              (unsigned long long)report->state_version, report->host_pid, report->attempts,
              report->message_set_aside, quote_trace(trace, report->trace));
}

uint64_t crash_note(struct shard *shard, const struct actor *actor, const struct end *end) {
    struct crash_report report = report_of(shard, actor, end);
    shard->metrics.crashes[end->kind]++;
    report.id = crash_log_add(&shard->crashes, &report, end->turn);
    write_line(shard, &report, end->turn, crash_turn_text(end->turn));
    return report.id;
}
