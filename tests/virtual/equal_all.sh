#!/bin/sh
# SPDX-License-Identifier: MIT
# tier: check-all
# seconds: 3600
# As equal.sh, with other compilers, optimisations and sanitizers.
exec "$(dirname "$0")/equal.sh" all
