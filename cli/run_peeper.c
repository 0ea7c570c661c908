#include "run_peeper.h"

#include <criterion/criterion.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16

static void read_back(FILE *file, char *room) {
    rewind(file);
    room[fread(room, 1, OUTPUT_BYTES - 1, file)] = '\0';
    fclose(file);
}

struct result run_peeper(const char *line) {
    char                      *words = strdup(line), *rest = words;
    char                      *argv[WORDS_MAX] = {(char *)"peeper"};
    char                      *environment[] = {(char *)"LC_ALL=C", NULL};
    FILE                      *out = tmpfile(), *err = tmpfile();
    posix_spawn_file_actions_t actions;
    pid_t                      pid;
    int                        state;
    struct result              result = {0};

    if (line[0] == '\0') rest = NULL;
    for (int i = 1; i < WORDS_MAX - 1 && (argv[i] = strsep(&rest, " ")) != NULL; i++) continue;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(err), STDERR_FILENO);
    cr_assert(posix_spawn(&pid, PEEPER_COMMAND, &actions, NULL, argv, environment) == 0);
    cr_assert(waitpid(pid, &state, 0) == pid);
    cr_assert(WIFEXITED(state), "%s", line);
    posix_spawn_file_actions_destroy(&actions);
    result.code = WEXITSTATUS(state);
    read_back(out, result.out);
    read_back(err, result.err);
    free(words);
    return result;
}

struct result run_peeper_with(peer_script *script, struct peer *peer, const char *line) {
    char all[512];
    peer_start(peer, 1, script);
    snprintf(all, sizeof(all), "-a %s %s", peer->address, line);
    struct result result = run_peeper(all);
    peer_stop(peer);
    return result;
}
