/* SPDX-License-Identifier: MIT
 *
 * The commands of sigmactl, one file each. A command gets its own arguments (argv[0] is its name)
 * and returns the exit status of the program: 0 when it did what it was asked for, 1 when it could
 * not, 2 for bad usage; 3 where a check of its own says no. Results go to standard output,
 * everything else to standard error.
 */
#ifndef TOOLS_SIGMACTL_COMMANDS_H
#define TOOLS_SIGMACTL_COMMANDS_H

#define STATUS_OK 0
#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_REGRESSION 3 /* baseline check: a run is worse than its baseline */

int command_parse(int argc, char **argv);
int command_send(int argc, char **argv);
int command_time(int argc, char **argv);
int command_load(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_snapshot(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_record(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_import(int argc, char **argv);
int command_shadow(int argc, char **argv);
int command_backtest(int argc, char **argv);
int command_report(int argc, char **argv);
int command_profile(int argc, char **argv);
int command_trend(int argc, char **argv);
int command_baseline(int argc, char **argv);

#endif
