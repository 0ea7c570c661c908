#include "webhook/config.h"

#include "webhook/cloud_event.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct webhooks_config config;
static struct webhook_message message;
static char                   secret[] = "/tmp/peeper_secret_XXXXXX";
static char                   path[] = "/tmp/peeper_webhooks_XXXXXX";

static void write_file(char *template, const char *text) {
    int fd = mkstemp(template);
    cr_assert(fd >= 0);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void begin(void) {
    write_file(secret, "0123456789abcdef\n");
}

static void end(void) {
    unlink(secret);
    webhooks_fini(&config);
    cr_assert(config.count == 0);
}

TestSuite(webhook_config, .init = begin, .fini = end, .timeout = 20);

// `text` has $S where the path of the secret belongs.
static enum status reads(const char *text) {
    char   filled[8192];
    size_t at = 0;
    for (; *text != '\0'; text++) {
        if (text[0] == '$' && text[1] == 'S') {
            at += (size_t)snprintf(filled + at, sizeof filled - at, "%s", secret);
            text++;
        } else {
            filled[at++] = *text;
        }
    }
    filled[at] = '\0';
    strcpy(path, "/tmp/peeper_webhooks_XXXXXX");
    write_file(path, filled);
    enum status status = webhooks_read(&config, path, &message);
    unlink(path);
    return status;
}

static void refused(const char *text, const char *rest) {
    cr_assert(reads(text) == STATUS_BAD_SPEC, "%s", text);
    cr_assert(strncmp(message.text, path, strlen(path)) == 0, "%s", message.text);
    cr_assert_str_eq(message.text + strlen(path), rest);
    cr_assert(config.count == 0);
}

// With this line added to a webhook that is good.
static void refused_line(const char *line, const char *rest) {
    char text[6000];
    snprintf(text, sizeof text, "- url: https://example.com/\n  secret_file: $S\n%s", line);
    refused(text, rest);
}

Test(webhook_config, what_is_not_said_has_its_default) {
    cr_assert(reads("- url: https://example.com/hook\n  name: hits\n  secret_file: $S\n") ==
                  STATUS_OK,
              "%s", message.text);
    const struct webhook_config *hook = &config.hooks[0];
    cr_assert(config.count == 1 && hook->prefix == NULL && hook->ca_file == NULL);
    cr_assert_str_eq(hook->name, "hits");
    cr_assert_str_eq(hook->source, "/peeper");
    cr_assert_str_eq(hook->host, "example.com:443");
    cr_assert(hook->secret_bytes == 16 && memcmp(hook->secret, "0123456789abcdef", 16) == 0);
    cr_assert(hook->events == 15 && !hook->with_old && !hook->insecure);
    cr_assert(hook->timeout_ms == 5000 && hook->retries == 10 && hook->queue_max == 1000);
}

Test(webhook_config, every_field_is_taken_and_there_may_be_several) {
    cr_assert(reads("- url: http://127.0.0.1:81/a\n  prefix: ''\n  secret_file: $S\n"
                    "  events: [peeper.gap, peeper.actor.terminated]\n  with_old: true\n"
                    "  timeout_ms: 100\n  retries: 0\n  queue_max: 65536\n  ca_file: $S\n"
                    "  source: urn:x\n"
                    "- url: http://example.com\n  insecure: true\n  name: a\n"
                    "  secret_file: $S\n") == STATUS_OK,
              "%s", message.text);
    const struct webhook_config *hook = &config.hooks[0];
    cr_assert(config.count == 2 && hook->name == NULL && hook->prefix[0] == '\0');
    cr_assert(hook->events == (1u << CLOUD_EVENT_GAP | 1u << CLOUD_EVENT_TERMINATED));
    cr_assert(hook->with_old && hook->timeout_ms == 100 && hook->retries == 0);
    cr_assert(hook->queue_max == 65536);
    cr_assert_str_eq(hook->host, "127.0.0.1:81");
    cr_assert_str_eq(hook->source, "urn:x");
    cr_assert_str_eq(hook->ca_file, secret);
    cr_assert_str_eq(config.hooks[1].host, "example.com:80");
}

Test(webhook_config, a_wrong_field_is_told_with_its_line) {
    refused_line("  nmae: a\n", ":3: [0].nmae: is no field of a webhook");
    refused_line("  name: 1\n", ":3: [0].name: is not a string");
    refused_line("  name: ''\n", ":3: [0].name: is empty");
    refused_line("  prefix: a\n  with_old: yes\n", ":4: [0].with_old: is neither true nor false");
    refused_line("  prefix: a\n  timeout_ms: 99\n",
                 ":4: [0].timeout_ms: is not a number from 100 to 60000");
    refused_line("  prefix: a\n  retries: -1\n", ":4: [0].retries: is not a number from 0 to 100");
    refused_line("  prefix: a\n  queue_max: many\n",
                 ":4: [0].queue_max: is not a number from 1 to 65536");
    refused_line("  prefix: a\n  events: []\n", ":4: [0].events: is not a list of types of events");
    refused_line("  prefix: a\n  events:\n  - peeper.gap\n  - peeper.hole\n",
                 ":6: [0].events[1]: is none of peeper.state.changed, peeper.actor.terminated, "
                 "peeper.gap, peeper.stepped_back");
    refused_line("  prefix: a\n  ca_file: /nonesuch\n",
                 ":4: [0].ca_file: '/nonesuch': No such file or directory");
}

Test(webhook_config, what_is_missing_or_does_not_fit_together_is_told) {
    refused_line("", ":1: [0]: has not just one of name and prefix");
    refused_line("  name: a\n  prefix: a\n", ":1: [0]: has not just one of name and prefix");
    refused("- name: a\n  secret_file: $S\n", ":1: [0]: has no url");
    refused("- name: a\n  url: https://a/\n", ":1: [0]: has no secret_file");
    refused("- 1\n", ":1: [0]: is not a map");
    refused("a: 1\n", ": is no list of webhooks");
    refused("[]\n", ": is no list of webhooks");
}

Test(webhook_config, http_is_for_this_machine_only) {
    static const char *const near[] = {"localhost", "127.0.0.1:80", "127.9.9.9", "[::1]:8080"};
    static const char *const far[] = {"example.com", "127.0.0.1.example.com", "10.0.0.1",
                                      "localhost.example.com", "127.example.com"};
    char                     text[200];
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        snprintf(text, sizeof text, "- url: http://%s/\n  name: a\n  secret_file: $S\n", near[i]);
        cr_assert(reads(text) == STATUS_OK, "%s", message.text);
        webhooks_fini(&config);
    }
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        snprintf(text, sizeof text, "- name: a\n  url: http://%s/\n  secret_file: $S\n", far[i]);
        refused(text, ":2: [0].url: is http:// to another machine, where anybody on the way may "
                      "read; that needs insecure: true");
    }
    refused("- name: a\n  url: ftp://a/\n  secret_file: $S\n",
            ":2: [0].url: begins with neither https:// nor http://");
    refused("- name: a\n  url: //\n  secret_file: $S\n",
            ":2: [0].url: is not a URL with https:// or http:// and a host");
}

Test(webhook_config, a_secret_that_is_short_or_not_there_is_told) {
    char brief[] = "/tmp/peeper_brief_XXXXXX", text[300], rest[300];
    write_file(brief, "0123456789abcde\n");
    snprintf(text, sizeof text, "- name: a\n  url: https://a/\n  secret_file: %s\n", brief);
    snprintf(rest, sizeof rest, ":3: [0].secret_file: '%s' has fewer than 16 bytes", brief);
    refused(text, rest);
    unlink(brief);
    snprintf(rest, sizeof rest, ":3: [0].secret_file: '%s': No such file or directory", brief);
    refused(text, rest);
    refused("- name: a\n  url: https://a/\n  secret_file: /dev/zero\n",
            ":3: [0].secret_file: '/dev/zero' has over 4096 bytes");
}

Test(webhook_config, files_that_cannot_be_read_and_bad_yaml_are_told) {
    cr_assert(webhooks_read(&config, "/nonesuch", &message) == STATUS_IO);
    cr_assert_str_eq(message.text, "/nonesuch: No such file or directory");
    cr_assert(webhooks_read(&config, "/dev/zero", &message) == STATUS_TOO_LARGE);
    cr_assert_str_eq(message.text, "/dev/zero: over 1 MiB");
    cr_assert(reads("- url: [\n") == STATUS_BAD_SPEC);
    cr_assert(strncmp(message.text + strlen(path), ":2:1: ", 6) == 0, "%s", message.text);
}

Test(webhook_config, there_may_be_32) {
    char   text[8000];
    size_t at = 0;
    for (int i = 0; i < 33; i++)
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "- {url: 'https://a/', name: a, secret_file: $S}\n");
    refused(text, ":33: [32]: is one too many: there may be 32");
}
