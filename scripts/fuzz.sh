#!/usr/bin/env bash
# fuzz.sh [SECONDS] [TARGET]: fuzzes each target (or one) for some seconds, beginning with its corpus. New inputs are kept outside the
# repository; one that breaks a promise is printed with its path, to be put into `fuzz/corpus`.
set -euo pipefail
seconds=${1:-60}
cd "$(dirname "$0")/../fuzz"
found="${XDG_CACHE_HOME:-$HOME/.cache}/partita/fuzz"
# The instrumentation needs no nightly compiler when no sanitizer is asked for.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/partita/target}/fuzz"
status=0
for target in ${2:-$(ls corpus)}; do
  mkdir -p "$found/$target"
  echo "[fuzz] $target, $seconds s"
  cargo fuzz run --fuzz-dir libfuzzer --sanitizer none "$target" "$found/$target" "corpus/$target" \
    -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 || status=1
done
exit $status
