/* SPDX-License-Identifier: MIT
 *
 * Why: the life of one exam in a run of virtual time, read from what its folder holds: observations.jsonl, causes.jsonl,
 * results.json. Prints it; gives an exit code. */
#ifndef PONT_CLI_WHY_H
#define PONT_CLI_WHY_H

int why_in_virtual_time(const char *folder, const char *issuer, const char *accession);

#endif
