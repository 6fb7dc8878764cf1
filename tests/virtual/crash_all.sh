#!/bin/sh
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 900
# As crash.sh, at every single commit.
exec "$(dirname "$0")/crash.sh" 1
