#include "host/behaviours.h"

#include "host/lua_program.h"
#include "host/trace.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WHY_BYTES 512
#define LUA_SUFFIX ".lua"

static bool name_valid(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (name == NULL) return false;
    size_t bytes = strnlen(name, BEHAVIOUR_NAME_BYTES_MAX + 1);
    return bytes >= 1 && bytes <= BEHAVIOUR_NAME_BYTES_MAX && strspn(name, allowed) == bytes;
}

const char *behaviour_fault(const struct peeper_behaviour *behaviour) {
    // First: with another version the rest of the struct may lie elsewhere.
    if (behaviour->abi_version != PEEPER_ABI_VERSION) return "was built for another abi_version";
    if (!name_valid(behaviour->name)) return "its name is not 1 to 63 bytes of [a-z0-9_.-]";
    if (behaviour->state_bytes < 1 || behaviour->state_bytes > BEHAVIOUR_STATE_BYTES_MAX) {
        return "its state_bytes is not within 1 to 1 MiB";
    }
    if (behaviour->save == NULL) return "it has no save()";
    if (behaviour->load == NULL) return "it has no load()";
    return NULL;
}

uint16_t behaviour_callbacks(const struct peeper_behaviour *behaviour) {
    const bool has[] = {
        behaviour->init != NULL,
        behaviour->handle_call != NULL,
        behaviour->handle_cast != NULL,
        behaviour->handle_info != NULL,
        behaviour->handle_continue != NULL,
        behaviour->terminate != NULL,
        behaviour->code_change != NULL,
        behaviour->on_state_changed != NULL,
        behaviour->on_terminate != NULL,
    };
    uint16_t bits = 0;
    for (size_t i = 0; i < sizeof has / sizeof has[0]; i++) bits |= (uint16_t)(has[i] << i);
    return bits;
}

static bool name_taken(const struct behaviours *behaviours, const char *name) {
    for (uint32_t i = 0; i < behaviours->count; i++) {
        if (strcmp(behaviours->list[i].name, name) == 0) return true;
    }
    return false;
}

// Adds the descriptor; answers what is wrong if it cannot.
static const char *add(struct behaviours *behaviours, const struct peeper_behaviour *descriptor) {
    const char *fault = behaviour_fault(descriptor);
    if (fault != NULL) return fault;
    if (name_taken(behaviours, descriptor->name))
        return "a behaviour of this name is loaded already";
    if (behaviours->count == HOST_BEHAVIOURS_MAX) return "too many behaviours are loaded";

    struct peeper_behaviour *added = &behaviours->list[behaviours->count++];
    *added = *descriptor;
    if (added->version == NULL) added->version = "";
    if (added->turn_deadline_ms == 0) added->turn_deadline_ms = BEHAVIOUR_DEADLINE_MS;
    if (added->memory_bytes_max == 0) added->memory_bytes_max = BEHAVIOUR_MEMORY_BYTES;
    return NULL;
}

// What the linker says of a file, with the file's name in place of the path that it was loaded by.
static void explain(const char *path, const char *name, const char *why, char *room, size_t bytes) {
    const char *at = why == NULL ? NULL : strstr(why, path);
    if (at == NULL) {
        snprintf(room, bytes, "%s", why == NULL ? "cannot be loaded" : why);
    } else {
        snprintf(room, bytes, "%.*s%s%s", (int)(at - why), why, name, at + strlen(path));
    }
}

static void load_object(struct behaviours *behaviours, const char *name, int fd,
                        const struct behaviours_listener *listener) {
    char path[TRACE_PATH_BYTES], why[WHY_BYTES];
    trace_path(fd, name, path);
    // NOW: a symbol that is missing fails here, not in the middle of a turn. LOCAL: behaviours do
    // not see each other.
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) {
        explain(path, name, dlerror(), why, sizeof why);
        listener->on_failed(listener->context, name, why);
        return;
    }
    const struct peeper_behaviour *descriptor = dlsym(object, "peeper_behaviour");
    const char                    *fault =
        descriptor == NULL ? "it does not export peeper_behaviour" : add(behaviours, descriptor);
    if (fault == NULL) {
        listener->on_loaded(listener->context, &behaviours->list[behaviours->count - 1],
                            BEHAVIOUR_NATIVE);
        return;
    }
    listener->on_failed(listener->context, name, fault);
    dlclose(object);
}

// --- Lua -----------------------------------------------------------------------------------------

void behaviours_load_lua(struct behaviours *behaviours, const char *name, struct slice source,
                         const struct behaviours_listener *listener) {
    char                why[LUA_WHY_BYTES];
    struct lua_program *program;
    enum status         status =
        lua_program_create(name, (const char *)source.data, source.bytes, &program, why);
    if (status != STATUS_OK) return listener->on_failed(listener->context, name, why);
    const char *fault = add(behaviours, &program->descriptor);
    if (fault != NULL) {
        lua_program_destroy(program);
        return listener->on_failed(listener->context, name, fault);
    }
    behaviours->programs[behaviours->count - 1] = program;
    listener->on_loaded(listener->context, &behaviours->list[behaviours->count - 1], BEHAVIOUR_LUA);
}

// One byte more than is allowed tells that there are too many. The position is shared with other
// hosts, hence pread.
static enum status read_text(int fd, struct buf *ret_text) {
    size_t   bytes_max = LUA_SOURCE_BYTES_MAX + 1;
    uint8_t *room = buf_reserve(ret_text, bytes_max);
    if (room == NULL) return STATUS_NO_MEMORY;
    while (ret_text->bytes < bytes_max) {
        size_t  at = ret_text->bytes;
        ssize_t bytes = pread(fd, room + at, bytes_max - at, (off_t)at);
        if (bytes < 0) return STATUS_IO;
        if (bytes == 0) break;
        ret_text->bytes += (size_t)bytes;
    }
    return STATUS_OK;
}

static void load_text(struct behaviours *behaviours, const char *name, int fd,
                      const struct behaviours_listener *listener) {
    struct buf  text = {0};
    enum status status = read_text(fd, &text);
    if (status != STATUS_OK) {
        listener->on_failed(listener->context, name, status_name(status));
    } else {
        behaviours_load_lua(behaviours, name, slice_of(text.data, text.bytes), listener);
    }
    buf_fini(&text);
}

void behaviours_load(struct behaviours *behaviours, const char *name, int fd,
                     const struct behaviours_listener *listener) {
    size_t bytes = strlen(name), suffix = strlen(LUA_SUFFIX);
    if (bytes > suffix && strcmp(name + bytes - suffix, LUA_SUFFIX) == 0) {
        load_text(behaviours, name, fd, listener);
    } else {
        load_object(behaviours, name, fd, listener);
    }
}
