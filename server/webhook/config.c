// explicit_bzero.
#define _GNU_SOURCE
#include "webhook/config.h"

#include "webhook/cloud_event.h"
#include "wire/yaml_value.h"

#include <peeper/value.h>

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1u << 20)
#define NAME_BYTES_MAX 255

// What is being read.
struct reading {
    const char             *path;
    struct buf              text;
    struct webhook_message *message;
    unsigned                index; // of the webhook
};

// --- Complaints ----------------------------------------------------------------------------------

static enum status refuse(struct webhook_message *message, const char *path, enum status status,
                          const char *why) {
    snprintf(message->text, sizeof message->text, "%.500s: %s", path, why);
    return status;
}

// About a field of the present webhook; "" means all of it.
__attribute__((format(printf, 3, 4))) static enum status
complain(struct reading *reading, const char *field, const char *format, ...) {
    char    where[120], what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(where, sizeof where, "[%u]%s%.80s", reading->index, field[0] == '\0' ? "" : ".",
             field);
    uint32_t line = yaml_line(slice_of(reading->text.data, reading->text.bytes),
                              slice_of(where, strlen(where)));
    snprintf(reading->message->text, sizeof reading->message->text, "%.500s:%u: %s: %s",
             reading->path, line, where, what);
    return STATUS_BAD_SPEC;
}

// --- Files ---------------------------------------------------------------------------------------

static enum status read_file(const char *path, size_t bytes_max, struct buf *ret_text) {
    FILE *stream = fopen(path, "re");
    if (stream == NULL) return STATUS_IO;
    enum status status = STATUS_OK;
    uint8_t    *room = buf_reserve(ret_text, bytes_max + 1);
    if (room != NULL) ret_text->bytes = fread(room, 1, bytes_max + 1, stream);
    int error = errno;
    if (room == NULL) {
        status = STATUS_NO_MEMORY;
    } else if (ferror(stream)) {
        status = STATUS_IO;
    } else if (ret_text->bytes > bytes_max) {
        status = STATUS_TOO_LARGE;
    }
    fclose(stream);
    errno = error;
    return status;
}

static enum status keep_secret(struct reading *reading, struct webhook_config *hook,
                               struct slice text) {
    if (text.bytes > 0 && text.data[text.bytes - 1] == '\n') text.bytes--;
    if (text.bytes > 0 && text.data[text.bytes - 1] == '\r') text.bytes--;
    if (text.bytes < WEBHOOK_SECRET_BYTES_MIN) {
        return complain(reading, "secret_file", "'%.200s' has fewer than %u bytes",
                        hook->secret_file, WEBHOOK_SECRET_BYTES_MIN);
    }
    hook->secret = malloc(text.bytes);
    if (hook->secret == NULL) return STATUS_NO_MEMORY;
    memcpy(hook->secret, text.data, text.bytes);
    hook->secret_bytes = text.bytes;
    return STATUS_OK;
}

static enum status read_secret(struct reading *reading, struct webhook_config *hook) {
    struct buf  text = {0};
    enum status status = read_file(hook->secret_file, WEBHOOK_SECRET_BYTES_MAX, &text);
    if (status == STATUS_OK) {
        status = keep_secret(reading, hook, slice_of(text.data, text.bytes));
    } else if (status == STATUS_IO) {
        status =
            complain(reading, "secret_file", "'%.200s': %s", hook->secret_file, strerror(errno));
    } else if (status == STATUS_TOO_LARGE) {
        status = complain(reading, "secret_file", "'%.200s' has over %u bytes", hook->secret_file,
                          WEBHOOK_SECRET_BYTES_MAX);
    }
    if (text.data != NULL) explicit_bzero(text.data, text.capacity);
    buf_fini(&text);
    return status;
}

// --- Fields --------------------------------------------------------------------------------------

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOL, FIELD_EVENTS };

static const struct field {
    const char     *name;
    enum field_kind kind;
    size_t          offset;    // in struct webhook_config
    int64_t         low, high; // of a number; of a text, its bytes
} FIELDS[] = {
    {"url", FIELD_TEXT, offsetof(struct webhook_config, url), 1, 2048},
    {"name", FIELD_TEXT, offsetof(struct webhook_config, name), 1, NAME_BYTES_MAX},
    {"prefix", FIELD_TEXT, offsetof(struct webhook_config, prefix), 0, NAME_BYTES_MAX},
    {"secret_file", FIELD_TEXT, offsetof(struct webhook_config, secret_file), 1, 4096},
    {"ca_file", FIELD_TEXT, offsetof(struct webhook_config, ca_file), 1, 4096},
    {"source", FIELD_TEXT, offsetof(struct webhook_config, source), 1, 1024},
    {"events", FIELD_EVENTS, offsetof(struct webhook_config, events), 0, 0},
    {"with_old", FIELD_BOOL, offsetof(struct webhook_config, with_old), 0, 0},
    {"insecure", FIELD_BOOL, offsetof(struct webhook_config, insecure), 0, 0},
    {"timeout_ms", FIELD_NUMBER, offsetof(struct webhook_config, timeout_ms), 100, 60000},
    {"retries", FIELD_NUMBER, offsetof(struct webhook_config, retries), 0, 100},
    {"queue_max", FIELD_NUMBER, offsetof(struct webhook_config, queue_max), 1, 65536},
};

static const struct field *field_of(const char *name, size_t bytes) {
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if (strlen(FIELDS[i].name) == bytes && memcmp(FIELDS[i].name, name, bytes) == 0)
            return &FIELDS[i];
    }
    return NULL;
}

static enum status read_text(struct reading *reading, const struct field *field, char **ret_text,
                             struct peeper_value value) {
    const char *text;
    size_t      bytes;
    if (!peeper_value_string(value, &text, &bytes) || memchr(text, '\0', bytes) != NULL)
        return complain(reading, field->name, "is not a string");
    if ((int64_t)bytes < field->low) return complain(reading, field->name, "is empty");
    if ((int64_t)bytes > field->high)
        return complain(reading, field->name, "is longer than %d bytes", (int)field->high);
    *ret_text = strndup(text, bytes);
    return *ret_text == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status read_number(struct reading *reading, const struct field *field,
                               uint32_t *ret_number, struct peeper_value value) {
    int64_t number;
    if (!peeper_value_int(value, &number) || number < field->low || number > field->high) {
        return complain(reading, field->name, "is not a number from %d to %d", (int)field->low,
                        (int)field->high);
    }
    *ret_number = (uint32_t)number;
    return STATUS_OK;
}

static enum status read_bool(struct reading *reading, const struct field *field, bool *ret_bool,
                             struct peeper_value value) {
    if (peeper_value_bool(value, ret_bool)) return STATUS_OK;
    return complain(reading, field->name, "is neither true nor false");
}

static bool event_of(struct peeper_value value, unsigned *ret_mask) {
    for (int kind = 0; kind < CLOUD_EVENT_KINDS; kind++) {
        if (!peeper_value_is(value, cloud_event_type((enum cloud_event_kind)kind))) continue;
        *ret_mask |= 1u << kind;
        return true;
    }
    return false;
}

static enum status read_events(struct reading *reading, const struct field *field,
                               unsigned *ret_mask, struct peeper_value value) {
    if (peeper_value_kind(value) != PEEPER_LIST || peeper_value_count(value) == 0)
        return complain(reading, field->name, "is not a list of types of events");
    *ret_mask = 0;
    struct peeper_iter iter = peeper_value_iter(value);
    for (unsigned i = 0; peeper_iter_next(&iter); i++) {
        char where[24];
        if (event_of(iter.value, ret_mask)) continue;
        snprintf(where, sizeof where, "events[%u]", i);
        return complain(reading, where,
                        "is none of peeper.state.changed, peeper.actor.terminated, peeper.gap, "
                        "peeper.stepped_back");
    }
    return STATUS_OK;
}

static enum status read_field(struct reading *reading, struct webhook_config *hook,
                              const struct peeper_iter *iter) {
    const struct field *field = field_of(iter->key, iter->key_bytes);
    if (field == NULL) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)iter->key_bytes, iter->key);
        return complain(reading, name, "is no field of a webhook");
    }
    void *where = (char *)hook + field->offset;
    switch (field->kind) {
        case FIELD_TEXT: return read_text(reading, field, where, iter->value);
        case FIELD_NUMBER: return read_number(reading, field, where, iter->value);
        case FIELD_BOOL: return read_bool(reading, field, where, iter->value);
        case FIELD_EVENTS: return read_events(reading, field, where, iter->value);
    }
    return STATUS_INTERNAL;
}

// --- What must fit together ----------------------------------------------------------------------

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static enum status check_parts(struct reading *reading, struct webhook_config *hook,
                               const char *scheme, const char *host, const char *port) {
    bool secure = strcmp(scheme, "https") == 0;
    if (!secure && strcmp(scheme, "http") != 0)
        return complain(reading, "url", "begins with neither https:// nor http://");
    if (!secure && !hook->insecure && !is_loopback(host)) {
        return complain(reading, "url",
                        "is http:// to another machine, where anybody on the way may read; that "
                        "needs insecure: true");
    }
    for (const char *at = host; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || strchr("\"\\\x7f", *at) != NULL)
            return complain(reading, "url", "has a host with a character that is not allowed");
    }
    int bytes = snprintf(hook->host, sizeof hook->host, "%s:%s", host, port);
    if ((size_t)bytes >= sizeof hook->host) return complain(reading, "url", "has too long a host");
    return STATUS_OK;
}

static enum status check_url(struct reading *reading, struct webhook_config *hook) {
    char  *scheme = NULL, *host = NULL, *port = NULL;
    CURLU *url = curl_url();
    if (url == NULL) return STATUS_NO_MEMORY;
    enum status status;
    if (curl_url_set(url, CURLUPART_URL, hook->url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        status = complain(reading, "url", "is not a URL with https:// or http:// and a host");
    } else {
        status = check_parts(reading, hook, scheme, host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return status;
}

static enum status check_hook(struct reading *reading, struct webhook_config *hook) {
    if (hook->url == NULL) return complain(reading, "", "has no url");
    if (hook->secret_file == NULL) return complain(reading, "", "has no secret_file");
    if ((hook->name == NULL) == (hook->prefix == NULL))
        return complain(reading, "", "has not just one of name and prefix");
    enum status status = check_url(reading, hook);
    if (status != STATUS_OK) return status;
    if (hook->ca_file != NULL && access(hook->ca_file, R_OK) != 0)
        return complain(reading, "ca_file", "'%.200s': %s", hook->ca_file, strerror(errno));
    if (hook->source == NULL) hook->source = strdup("/peeper");
    return hook->source == NULL ? STATUS_NO_MEMORY : read_secret(reading, hook);
}

static enum status read_hook(struct reading *reading, struct webhook_config *hook,
                             struct peeper_value value) {
    if (peeper_value_kind(value) != PEEPER_MAP) return complain(reading, "", "is not a map");
    hook->events = (1u << CLOUD_EVENT_KINDS) - 1;
    hook->timeout_ms = 5000;
    hook->retries = 10;
    hook->queue_max = 1000;
    struct peeper_iter iter = peeper_value_iter(value);
    while (peeper_iter_next(&iter)) {
        enum status status = read_field(reading, hook, &iter);
        if (status != STATUS_OK) return status;
    }
    return check_hook(reading, hook);
}

// --- The file ------------------------------------------------------------------------------------

static enum status read_hooks(struct webhooks_config *config, struct reading *reading,
                              struct peeper_value list) {
    if (peeper_value_kind(list) != PEEPER_LIST || peeper_value_count(list) == 0)
        return refuse(reading->message, reading->path, STATUS_BAD_SPEC, "is no list of webhooks");
    struct peeper_iter iter = peeper_value_iter(list);
    while (peeper_iter_next(&iter)) {
        if (config->count == WEBHOOKS_MAX)
            return complain(reading, "", "is one too many: there may be %u", WEBHOOKS_MAX);
        struct webhook_config *hook = &config->hooks[config->count++];
        enum status            status = read_hook(reading, hook, iter.value);
        if (status != STATUS_OK) return status;
        reading->index++;
    }
    return STATUS_OK;
}

static enum status parse(struct webhooks_config *config, struct reading *reading) {
    struct peeper_writer writer = {0};
    struct yaml_fault    fault = {0};
    enum status          status =
        yaml_to_value(slice_of(reading->text.data, reading->text.bytes), &writer, &fault);
    if (status == STATUS_OK) {
        status = read_hooks(config, reading, peeper_writer_value(&writer));
    } else if (status != STATUS_NO_MEMORY) {
        snprintf(reading->message->text, sizeof reading->message->text, "%.500s:%u:%u: %s",
                 reading->path, fault.line, fault.column, fault.message);
    }
    peeper_writer_fini(&writer);
    return status;
}

enum status webhooks_read(struct webhooks_config *config, const char *path,
                          struct webhook_message *message) {
    struct reading reading = {.path = path, .message = message};
    enum status    status = read_file(path, FILE_BYTES_MAX, &reading.text);
    if (status == STATUS_IO) {
        refuse(message, path, status, strerror(errno));
    } else if (status == STATUS_TOO_LARGE) {
        refuse(message, path, status, "over 1 MiB");
    } else if (status == STATUS_OK) {
        status = parse(config, &reading);
    }
    if (status == STATUS_NO_MEMORY) refuse(message, path, status, status_text(status));
    buf_fini(&reading.text);
    if (status != STATUS_OK) webhooks_fini(config);
    return status;
}

void webhooks_fini(struct webhooks_config *config) {
    for (uint32_t i = 0; i < config->count; i++) {
        struct webhook_config *hook = &config->hooks[i];
        if (hook->secret != NULL) explicit_bzero(hook->secret, hook->secret_bytes);
        free(hook->secret);
        char *texts[] = {hook->url,         hook->name,    hook->prefix,
                         hook->secret_file, hook->ca_file, hook->source};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) free(texts[k]);
    }
    *config = (struct webhooks_config){0};
}
