#include "admin/http_head.h"

#include <string.h>

#define CHUNK_DIGITS_MAX 8u
#define LENGTH_DIGITS_MAX 18u

static enum status bad(struct http_fault *fault, unsigned code, const char *text) {
    *fault = (struct http_fault){.code = code, .text = text};
    return STATUS_PROTOCOL;
}

// --- The end of the head -------------------------------------------------------------------------

enum status http_head_find(const uint8_t *data, size_t bytes, size_t *scanned, size_t *ret_bytes,
                           struct http_fault *fault) {
    for (size_t i = *scanned; i < bytes; i++) {
        if (i >= HTTP_HEAD_BYTES_MAX) return bad(fault, 431, "the head is over 16384 bytes");
        if (data[i] == '\0') return bad(fault, 400, "the head has a NUL");
        // One CR ends a line, and only with LF behind it; which is seen when that comes.
        if (i > 0 && data[i - 1] == '\r' && data[i] != '\n')
            return bad(fault, 400, "the head has a CR without LF");
        if (data[i] != '\n') continue;
        if (i == 0 || data[i - 1] != '\r') return bad(fault, 400, "the head has a LF without CR");
        if (i == 1) return bad(fault, 400, "the request begins with an empty line");
        if (i < 3 || data[i - 2] != '\n') continue;
        *ret_bytes = i + 1;
        return STATUS_OK;
    }
    *scanned = bytes;
    return STATUS_AGAIN;
}

// --- Lines ---------------------------------------------------------------------------------------

static bool is_token(uint8_t byte) {
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
        (byte >= 'A' && byte <= 'Z')) {
        return true;
    }
    return byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

static uint8_t lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

bool http_is(struct slice value, const char *text) {
    if (value.data == NULL || value.bytes != strlen(text)) return false;
    for (size_t i = 0; i < value.bytes; i++) {
        if (lower(value.data[i]) != (uint8_t)text[i]) return false;
    }
    return true;
}

// Takes the next line off, without its end. The head is known to consist of lines.
static struct slice take_line(struct slice *rest) {
    const uint8_t *end = memchr(rest->data, '\n', rest->bytes);
    size_t         used = (size_t)(end - rest->data) + 1;
    struct slice   line = slice_of(rest->data, used - 2);
    *rest = slice_of(rest->data + used, rest->bytes - used);
    return line;
}

static size_t span(struct slice text, bool (*fits)(uint8_t)) {
    size_t bytes = 0;
    while (bytes < text.bytes && fits(text.data[bytes])) bytes++;
    return bytes;
}

static bool is_visible(uint8_t byte) {
    return byte > ' ' && byte < 0x7f;
}

static enum status read_request_line(struct slice line, struct http_head *head,
                                     struct http_fault *fault) {
    size_t method = span(line, is_token);
    if (method == 0 || method == line.bytes || line.data[method] != ' ')
        return bad(fault, 400, "the request line does not begin with a method");
    head->method = slice_of(line.data, method);
    struct slice rest = slice_of(line.data + method + 1, line.bytes - method - 1);
    size_t       target = span(rest, is_visible);
    if (target == 0 || target == rest.bytes || rest.data[target] != ' ')
        return bad(fault, 400, "the request line is not METHOD TARGET HTTP/1.1");
    if (target > HTTP_TARGET_BYTES_MAX) return bad(fault, 414, "the target is over 8192 bytes");
    head->target = slice_of(rest.data, target);
    rest = slice_of(rest.data + target + 1, rest.bytes - target - 1);
    if (rest.bytes != 8 || memcmp(rest.data, "HTTP/", 5) != 0)
        return bad(fault, 400, "the request line is not METHOD TARGET HTTP/1.1");
    if (memcmp(rest.data, "HTTP/1.", 7) != 0 || rest.data[7] < '0' || rest.data[7] > '1')
        return bad(fault, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->minor = (unsigned)(rest.data[7] - '0');
    return STATUS_OK;
}

// --- Fields --------------------------------------------------------------------------------------

static enum status read_length(struct slice value, struct http_head *head,
                               struct http_fault *fault) {
    if (head->has_length) return bad(fault, 400, "there are two Content-Lengths");
    if (value.bytes == 0 || value.bytes > LENGTH_DIGITS_MAX)
        return bad(fault, 400, "Content-Length is not a number");
    for (size_t i = 0; i < value.bytes; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return bad(fault, 400, "Content-Length is not a number");
        head->length = head->length * 10 + (uint64_t)(value.data[i] - '0');
    }
    head->has_length = true;
    return STATUS_OK;
}

static enum status read_coding(struct slice value, struct http_head *head,
                               struct http_fault *fault) {
    if (head->chunked) return bad(fault, 400, "there are two Transfer-Encodings");
    if (!http_is(value, "chunked")) return bad(fault, 501, "Transfer-Encoding is not chunked");
    head->chunked = true;
    return STATUS_OK;
}

static void read_connection(struct slice value, struct http_head *head) {
    while (value.bytes > 0) {
        const uint8_t *comma = memchr(value.data, ',', value.bytes);
        size_t         bytes = comma == NULL ? value.bytes : (size_t)(comma - value.data);
        struct slice   word = slice_of(value.data, bytes);
        while (word.bytes > 0 && *word.data == ' ') word = slice_of(word.data + 1, word.bytes - 1);
        while (word.bytes > 0 && word.data[word.bytes - 1] == ' ') word.bytes--;
        if (http_is(word, "close")) head->close = true;
        if (http_is(word, "keep-alive")) head->keep = true;
        if (comma != NULL) bytes++;
        value = slice_of(value.data + bytes, value.bytes - bytes);
    }
}

static enum status read_once(struct slice value, struct slice *field, struct http_fault *fault) {
    if (field->data != NULL) return bad(fault, 400, "a field that may stand once stands twice");
    *field = value;
    return STATUS_OK;
}

static enum status read_field(struct slice name, struct slice value, struct http_head *head,
                              struct http_fault *fault) {
    struct {
        const char   *name;
        struct slice *field;
    } const once[] = {
        {"host", &head->host},
        {"content-type", &head->content_type},
        {"authorization", &head->authorization},
        {"origin", &head->origin},
        {"if-match", &head->if_match},
        {"if-none-match", &head->if_none_match},
        {"last-event-id", &head->last_event_id},
    };
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        if (http_is(name, once[i].name)) return read_once(value, once[i].field, fault);
    }
    if (http_is(name, "accept")) head->accept = value; // of several the last one counts
    if (http_is(name, "content-length")) return read_length(value, head, fault);
    if (http_is(name, "transfer-encoding")) return read_coding(value, head, fault);
    if (http_is(name, "connection")) read_connection(value, head);
    if (!http_is(name, "expect")) return STATUS_OK;
    if (!http_is(value, "100-continue")) return bad(fault, 417, "Expect is not 100-continue");
    head->expects = true;
    return STATUS_OK;
}

static bool is_value(uint8_t byte) {
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

static enum status read_line(struct slice line, struct http_head *head, struct http_fault *fault) {
    if (is_space(line.data[0])) return bad(fault, 400, "a field is folded over two lines");
    size_t name = span(line, is_token);
    if (name == 0 || name == line.bytes || line.data[name] != ':')
        return bad(fault, 400, "a field's name is not followed by a colon");
    struct slice value = slice_of(line.data + name + 1, line.bytes - name - 1);
    if (span(value, is_value) != value.bytes)
        return bad(fault, 400, "a field has a control character");
    size_t space = span(value, is_space);
    value = slice_of(value.data + space, value.bytes - space);
    while (value.bytes > 0 && is_space(value.data[value.bytes - 1])) value.bytes--;
    return read_field(slice_of(line.data, name), value, head, fault);
}

static enum status check(const struct http_head *head, struct http_fault *fault) {
    if (head->minor == 1 && head->host.data == NULL) return bad(fault, 400, "there is no Host");
    if (head->chunked && head->has_length)
        return bad(fault, 400, "there are Content-Length and Transfer-Encoding");
    if (head->chunked && head->minor == 0)
        return bad(fault, 400, "HTTP/1.0 has no Transfer-Encoding");
    return STATUS_OK;
}

enum status http_head_read(struct slice text, struct http_head *ret_head,
                           struct http_fault *fault) {
    struct http_head head = {0};
    unsigned         fields = 0;
    enum status      status = read_request_line(take_line(&text), &head, fault);
    while (status == STATUS_OK) {
        struct slice line = take_line(&text);
        if (line.bytes == 0) break;
        if (++fields > HTTP_FIELDS_MAX) return bad(fault, 431, "there are over 64 fields");
        status = read_line(line, &head, fault);
    }
    if (status == STATUS_OK) status = check(&head, fault);
    if (status == STATUS_OK) *ret_head = head;
    return status;
}

// --- Chunks --------------------------------------------------------------------------------------

static int hex(uint8_t byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte = lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static enum status read_size(struct http_chunks *chunks, uint8_t byte, struct http_fault *fault) {
    int digit = hex(byte);
    if (digit >= 0) {
        if (++chunks->digits > CHUNK_DIGITS_MAX)
            return bad(fault, 400, "a chunk's size has over 8 digits");
        chunks->left = chunks->left << 4 | (unsigned)digit;
        return STATUS_OK;
    }
    if (byte != '\r' || chunks->digits == 0)
        return bad(fault, 400, "a chunk's size is not a hexadecimal number and CR LF");
    chunks->state = CHUNK_SIZE_LF;
    return STATUS_OK;
}

static enum status read_byte(struct http_chunks *chunks, uint8_t byte, struct http_fault *fault) {
    static const struct {
        uint8_t byte;
        int     next;
    } EXPECTED[] = {
        [CHUNK_SIZE_LF] = {'\n', CHUNK_DATA}, [CHUNK_CR] = {'\r', CHUNK_LF},
        [CHUNK_LF] = {'\n', CHUNK_SIZE},      [CHUNK_END] = {'\r', CHUNK_END_LF},
        [CHUNK_END_LF] = {'\n', CHUNK_DONE},
    };
    if (chunks->state == CHUNK_SIZE) return read_size(chunks, byte, fault);
    if (byte != EXPECTED[chunks->state].byte)
        return bad(fault, 400, "a chunk does not end with CR LF, or there are trailers");
    if (chunks->state == CHUNK_LF) chunks->digits = 0;
    bool last = chunks->state == CHUNK_SIZE_LF && chunks->left == 0;
    chunks->state = last ? CHUNK_END : (typeof(chunks->state))EXPECTED[chunks->state].next;
    return STATUS_OK;
}

enum status http_chunks_read(struct http_chunks *chunks, struct slice data, size_t bytes_max,
                             struct buf *body, size_t *ret_used, struct http_fault *fault) {
    size_t      used = 0;
    enum status status = STATUS_OK;
    while (used < data.bytes && chunks->state != CHUNK_DONE && status == STATUS_OK) {
        if (chunks->state != CHUNK_DATA) {
            status = read_byte(chunks, data.data[used++], fault);
            if (chunks->state == CHUNK_DATA && chunks->left > bytes_max - body->bytes)
                return bad(fault, 413, "the body is over the limit");
            continue;
        }
        size_t bytes = data.bytes - used < chunks->left ? data.bytes - used : chunks->left;
        status = buf_append(body, data.data + used, bytes);
        used += bytes;
        chunks->left -= bytes;
        if (chunks->left == 0) chunks->state = CHUNK_CR;
    }
    *ret_used = used;
    if (status != STATUS_OK) return status;
    return chunks->state == CHUNK_DONE ? STATUS_OK : STATUS_AGAIN;
}
