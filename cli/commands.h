// commands: the functions behind the rows of the command table, and what they share.
#pragma once

#include "output.h"

// commands.c
command_run command_start, command_call, command_cast, command_send, command_stop, command_kill,
    command_resume, command_suspend, command_get_state, command_replace_state, command_whereis,
    command_list, command_inspect, command_crashes, command_crash_show, command_redrive,
    command_discard, command_monitor, command_ping;
// generations.c
command_run command_generations, command_diff, command_restore;
// transfer.c
command_run command_transfer;
// supervision.c
command_run command_supervisor_start, command_supervisor_change, command_supervisor_check,
    command_child_start, command_child_terminate, command_child_restart, command_child_delete,
    command_child_list, command_child_count, command_child_spec;
// watch.c
command_run command_watch;
// code.c
command_run command_behaviours, command_deploy, command_upgrade;
// tables.c
command_run command_tables, command_table;
// forest.c
command_run command_tree;

// Writes what an option says, as JSON or else as a string; nothing where it was not given.
// Fails: false, told on stderr.
bool command_write_option(struct peeper_writer *writer, const char *text);

// Tells the last failure of the client, with the target of the invocation.   Thread: main.
enum exit_code command_refused(struct peeper_sync *peeper, const struct invocation *invocation);

// Prints "ok", or tells the failure.
enum exit_code command_finish(struct peeper_sync *peeper, const struct invocation *invocation,
                              enum peeper_status status);
