// memfd_create and seals.
#define _GNU_SOURCE
#include "keeper/code_set.h"

#include "base/check.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const SUFFIXES[] = {".so", ".lua"};

static bool ends_in(struct slice name, const char *suffix) {
    size_t bytes = strlen(suffix);
    return name.bytes > bytes && memcmp(name.data + name.bytes - bytes, suffix, bytes) == 0;
}

bool code_name_native(struct slice name) {
    return ends_in(name, ".so");
}

bool code_name_valid(struct slice name) {
    if (name.bytes == 0 || name.bytes > CODE_NAME_BYTES_MAX || name.data[0] == '.') return false;
    for (size_t i = 0; i < name.bytes; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f || name.data[i] == '/') return false;
    }
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        if (ends_in(name, SUFFIXES[i])) return true;
    }
    return false;
}

// --- files ---

static bool write_all(int fd, struct slice content) {
    for (size_t done = 0; done < content.bytes;) {
        ssize_t bytes = write(fd, content.data + done, content.bytes - done);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes <= 0) return false;
        done += (size_t)bytes;
    }
    return true;
}

// An empty file of this name, to be written and sealed.
static enum status file_begin(struct slice name, struct code_file **ret_file) {
    if (!code_name_valid(name)) return STATUS_INVALID;
    struct code_file *file = calloc(1, sizeof *file);
    if (file == NULL) return STATUS_NO_MEMORY;
    atomic_init(&file->holders, 1);
    memcpy(file->name, name.data, name.bytes);
    file->fd = memfd_create(file->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file->fd < 0) {
        free(file);
        return STATUS_IO;
    }
    *ret_file = file;
    return STATUS_OK;
}

// From here on nobody can change it, the hosts that map it included.
static bool seal(int fd) {
    return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
}

enum status code_file_create(struct slice name, struct slice content, struct code_file **ret_file) {
    struct code_file *file;
    if (content.bytes > CODE_FILE_BYTES_MAX) return STATUS_TOO_LARGE;
    enum status status = file_begin(name, &file);
    if (status != STATUS_OK) return status;
    file->bytes = content.bytes;
    if (!write_all(file->fd, content) || !seal(file->fd)) {
        code_file_release(file);
        return STATUS_NO_MEMORY; // it is memory that was written to
    }
    *ret_file = file;
    return STATUS_OK;
}

struct code_file *code_file_hold(struct code_file *file) {
    atomic_fetch_add(&file->holders, 1);
    return file;
}

void code_file_release(struct code_file *file) {
    if (file == NULL || atomic_fetch_sub(&file->holders, 1) > 1) return;
    close(file->fd);
    free(file);
}

bool code_file_same(const struct code_file *a, const struct code_file *b) {
    if (a == b) return true;
    if (a->bytes != b->bytes) return false;
    if (a->bytes == 0) return true;
    void *in_a = mmap(NULL, a->bytes, PROT_READ, MAP_SHARED, a->fd, 0);
    void *in_b = mmap(NULL, b->bytes, PROT_READ, MAP_SHARED, b->fd, 0);
    // Not known to be the same is not the same: then it is loaded once more, and nothing is wrong.
    bool same = in_a != MAP_FAILED && in_b != MAP_FAILED && memcmp(in_a, in_b, a->bytes) == 0;
    if (in_a != MAP_FAILED) munmap(in_a, a->bytes);
    if (in_b != MAP_FAILED) munmap(in_b, b->bytes);
    return same;
}

// --- sets ---

// Bytes, not the locale's idea: the order must be the same on every machine.
static int by_name(const void *a, const void *b) {
    const struct code_file *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

enum status code_set_create(struct code_file *const *files, uint32_t count,
                            struct code_set **ret_set) {
    if (count > HOST_FILES_MAX) return STATUS_FULL;
    struct code_set *set = calloc(1, sizeof *set + count * sizeof set->files[0]);
    if (set == NULL) return STATUS_NO_MEMORY;
    atomic_init(&set->holders, 1);
    set->count = count;
    for (uint32_t i = 0; i < count; i++) set->files[i] = code_file_hold(files[i]);
    if (count > 0) qsort(set->files, count, sizeof(struct code_file *), by_name);
    *ret_set = set;
    return STATUS_OK;
}

struct code_set *code_set_hold(struct code_set *set) {
    atomic_fetch_add(&set->holders, 1);
    return set;
}

void code_set_release(struct code_set *set) {
    if (set == NULL || atomic_fetch_sub(&set->holders, 1) > 1) return;
    for (uint32_t i = 0; i < set->count; i++) code_file_release(set->files[i]);
    free(set);
}

static bool named(const struct code_file *file, struct slice name) {
    return strlen(file->name) == name.bytes && memcmp(file->name, name.data, name.bytes) == 0;
}

struct code_file *code_set_find(const struct code_set *set, struct slice name) {
    for (uint32_t i = 0; i < set->count; i++) {
        if (named(set->files[i], name)) return set->files[i];
    }
    return NULL;
}

enum status code_set_with(const struct code_set *set, struct slice name, struct code_file *file,
                          struct code_set **ret_set) {
    struct code_file *files[HOST_FILES_MAX + 1];
    uint32_t          count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!named(set->files[i], name)) files[count++] = set->files[i];
    }
    files[count++] = file;
    return code_set_create(files, count, ret_set);
}

// --- directories ---

static enum status copy_in(int from, struct code_file *file) {
    struct stat info;
    if (fstat(from, &info) != 0 || !S_ISREG(info.st_mode)) return STATUS_IO;
    if (info.st_size > (off_t)CODE_FILE_BYTES_MAX) return STATUS_TOO_LARGE;
    uint8_t room[65536];
    for (;;) {
        ssize_t bytes = read(from, room, sizeof room);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) return STATUS_IO;
        if (bytes == 0) break;
        file->bytes += (uint64_t)bytes;
        if (file->bytes > CODE_FILE_BYTES_MAX) return STATUS_TOO_LARGE; // it grew meanwhile
        if (!write_all(file->fd, slice_of(room, (size_t)bytes))) return STATUS_NO_MEMORY;
    }
    return seal(file->fd) ? STATUS_OK : STATUS_IO;
}

static enum status read_file(int directory, const char *name, struct code_file **ret_file) {
    struct code_file *file;
    enum status       status = file_begin(slice_of(name, strlen(name)), &file);
    if (status != STATUS_OK) return status;
    int from = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    status = from < 0 ? STATUS_IO : copy_in(from, file);
    if (from >= 0) close(from);
    if (status != STATUS_OK) {
        code_file_release(file);
        return status;
    }
    *ret_file = file;
    return STATUS_OK;
}

// Reads what there is; answers how many.
static uint32_t read_files(DIR *directory, const char *path, struct code_file **files,
                           uint32_t files_max) {
    uint32_t             count = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char        quoted[300];
        const char *name = entry->d_name;
        if (!code_name_valid(slice_of(name, strlen(name)))) continue;
        enum status status =
            count < files_max ? read_file(dirfd(directory), name, &files[count]) : STATUS_FULL;
        if (status == STATUS_OK) count++;
        if (status == STATUS_OK) continue;
        LOG_ERROR("behaviour.unreadable", "directory=\"%s\" file=%s status=%s", path,
                  log_quote(quoted, sizeof quoted, name, (uint32_t)strlen(name)),
                  status_name(status));
    }
    return count;
}

enum status code_set_read(const char *path, struct code_set **ret_set) {
    struct code_file *files[HOST_FILES_MAX];
    DIR              *directory = opendir(path);
    if (directory == NULL) return errno == ENOMEM ? STATUS_NO_MEMORY : STATUS_IO;
    uint32_t count = read_files(directory, path, files, HOST_FILES_MAX);
    closedir(directory);
    enum status status = code_set_create(files, count, ret_set);
    for (uint32_t i = 0; i < count; i++) code_file_release(files[i]);
    return status;
}
