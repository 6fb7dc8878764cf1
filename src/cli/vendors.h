/* SPDX-License-Identifier: MIT
 *
 * Vendors: the profiles of sim/vendors, found and read for commands that name one. */
#ifndef PONT_CLI_VENDORS_H
#define PONT_CLI_VENDORS_H

#include "sim/node/node.h"
#include "src/scenario/scenario.h"

#include <stdio.h>

#define VENDORS_MAX 64

/* Names of the profiles there are, in order; text in the arena. At most VENDORS_MAX. */
size_t vendors_list(slice names[VENDORS_MAX], struct arena *arena);
/* Reads the profile `name`, or the file `name` when it ends in ".yaml", with the quirks of `level` (null: all). Returns 0,
 * or the exit code when what is wrong has been printed. */
int vendors_read(struct vendor_profile **out, const char *command, const char *name, const char *level, struct arena *arena);

/* An address as people write it, AET@host:port, the host numeric. False when it is none. */
bool vendors_address(struct peer *peer, slice text, struct arena *arena);

/* The world that `pont vendors --probe` speaks of, and `pont node` makes: studies of a seed. ERR_LIMIT. */
MUST_USE enum err vendors_studies(struct node_study **studies, size_t count, uint64_t seed, slice issuer, struct arena *arena);
/* The AE title of a vendor's node: its name in capitals. */
slice vendors_title(const struct vendor_profile *vendor, struct arena *arena);

/* The dialect that a profile has the engine speak because of this quirk; null when none is needed. */
const char *vendors_dialect(const struct vendor_profile *vendor, enum quirk quirk);
/* "rows 5", "status A700"; nothing for a quirk without a parameter. */
void vendors_put_parameter(FILE *out, enum quirk quirk, const struct quirk_setting *setting);
/* docs/quirks.md. */
void vendors_page(FILE *out, struct vendor_profile *const *list, size_t count);

#endif
