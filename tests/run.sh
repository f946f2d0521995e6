#!/usr/bin/env bash
# Runs the tests given as a command, and ends with one line that counts them all.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored; exit passed == 0 }' "$log" || status=1
exit "$status"
