#!/usr/bin/env bash
# The main job, on the embedded default: a sentence becomes a workflow, which runs durably and live.
set -euo pipefail
partita=$1
here=$(pwd)
export PARTITA_DATA_DIR="${PARTITA_DATA_DIR:-$here/.demo}"
sentence="Check disk space and memory on this host, write a report to $here/.demo/host-health-report.txt, and warn if the disk is more than 80% full"

printf '\n$ partita compose "%s"\n\n' "$sentence"
"$partita" compose "$sentence"
printf '\n$ partita compose --act --yes "…"\n\n'
"$partita" compose --act --yes "$sentence"
printf '\nThe report:\n\n'
sed 's/^/  /' .demo/host-health-report.txt

cat << END

Where to look next
  $partita runs list                        what has run (data is in $PARTITA_DATA_DIR)
  $partita run examples/rollback.yaml       a failure that takes back what it did
  $partita templates                        what can be made from a sentence
  $partita serve                            the API on http://127.0.0.1:8001, described at /docs
  README.md, docs/                          everything else
END
