#include "address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool port_is_valid(const char *port) {
    size_t digits = strspn(port, "0123456789");
    if (digits == 0 || digits > 5 || port[digits] != '\0') return false;
    long number = strtol(port, NULL, 10);
    return number >= 1 && number <= 65535;
}

enum peeper_status address_parse(const char *text, struct address *ret_address) {
    struct address address;
    const char    *host = text;
    const char    *end; // of the host
    const char    *rest;

    if (text[0] == '[') {
        host = text + 1;
        end = strchr(host, ']');
        if (end == NULL) return PEEPER_STATUS_INVALID;
        rest = end + 1;
    } else {
        end = rest = text + strcspn(text, ":");
    }
    if (end == host || (size_t)(end - host) >= sizeof(address.host)) return PEEPER_STATUS_INVALID;
    snprintf(address.host, sizeof(address.host), "%.*s", (int)(end - host), host);
    snprintf(address.port, sizeof(address.port), "%d", PEEPER_PORT);

    if (rest[0] != '\0') {
        // An IPv6 address without brackets ends here too: its rest is no port.
        if (rest[0] != ':' || !port_is_valid(rest + 1)) return PEEPER_STATUS_INVALID;
        snprintf(address.port, sizeof(address.port), "%.5s", rest + 1);
    }
    *ret_address = address;
    return PEEPER_STATUS_OK;
}
