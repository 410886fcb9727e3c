#!/usr/bin/env bash
# Installs what building (`build`) or testing (`test`) needs, and says what it does. What is there is
# left alone, so a second call does nothing.
set -euo pipefail
what=${1:-build}
cache="$HOME/.cache/partita"

say() { printf '[setup] %s\n' "$*"; }

packages() { # program:package …
  local missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" > /dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get > /dev/null; then
    say "please install: ${missing[*]}" >&2
    exit 1
  fi
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  say "installing Debian packages: ${missing[*]}"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

if ! command -v cargo > /dev/null; then
  say "Rust is missing: install it by the instructions of https://rustup.rs, then call this again" >&2
  exit 1
fi
packages cc:gcc git:git ps:procps

if [ "$what" = test ]; then
  packages python3:python3 curl:curl tmux:tmux node:nodejs npm:npm mount:mount
  command -v cargo-nextest > /dev/null || { say "installing cargo-nextest"; cargo install --locked cargo-nextest; }
  command -v cargo-deny > /dev/null || { say "installing cargo-deny (some minutes, once)"; cargo install --locked cargo-deny; }
  if [ ! -x "$cache/venv/bin/python" ]; then
    say "making a Python environment in $cache/venv"
    python3 -m venv "$cache/venv" 2> /dev/null || { packages no-such-program:python3-venv; python3 -m venv "$cache/venv"; }
  fi
  "$cache/venv/bin/python" -c 'import httpx' 2> /dev/null || { say "installing httpx"; "$cache/venv/bin/pip" install --quiet httpx; }
  # Real MCP servers, in fixed versions: the tests connect to them.
  "$cache/venv/bin/python" -c 'from importlib.metadata import version; assert version("mcp") == "2.3.0"' 2> /dev/null \
    || { say "installing the MCP package for Python"; "$cache/venv/bin/pip" install --quiet mcp==2.3.0; }
  mkdir -p "$cache/node"
  for server in everything filesystem; do
    manifest="$cache/node/node_modules/@modelcontextprotocol/server-$server/package.json"
    grep -q '"version": "2026.8.31"' "$manifest" 2> /dev/null && continue
    say "installing the MCP server $server"
    npm install --prefix "$cache/node" --silent --no-audit --no-fund "@modelcontextprotocol/server-$server@2026.8.31"
  done
fi

if [ "$what" = fuzz ]; then
  packages c++:g++
  command -v cargo-fuzz > /dev/null || { say "installing cargo-fuzz"; cargo install --locked cargo-fuzz; }
fi

# All clones share a build folder, and Cargo tells our crates in one clone from those in another by nothing but
# the age of files: after a change of clone, everything of ours has to look new.
target=${CARGO_TARGET_DIR:-target}
if [ "$(cat "$target/clone" 2> /dev/null)" != "$PWD" ]; then
  mkdir -p "$target"
  find crates bench fuzz xtask -name '*.rs' -not -path '*/target/*' -exec touch {} +
  printf '%s\n' "$PWD" > "$target/clone"
fi
