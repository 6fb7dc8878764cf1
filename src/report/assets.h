/* SPDX-License-Identifier: MIT
 *
 * Assets: what the page carries in itself. Slices that live for ever. */
#ifndef PONT_REPORT_ASSETS_H
#define PONT_REPORT_ASSETS_H

#include "src/base/slice.h"

slice asset_css(void);
slice asset_js(void);

#endif
