#!/usr/bin/env bash
# Measures `pipe` on a GPU, and PyTorch beside it where Python has it. Builds and installs nothing: one binary, data made there.
#
#   [PIPE=path/of/pipe] [DEVICE=cuda] [OUT=folder] [BUDGET=480] tests/bench/gpu.sh [PART]..
#
# Parts: parity, the systems unet, unet-small, svsnet, deeplab, nnunet (gpu/systems.txt), compiled, profile.
# Without parts: the systems, then parity, then `compiled` (PyTorch with torch.compile), as far as BUDGET seconds reach; what is
# cut off says so, and what was measured stays. `profile` is made when asked for: which layer is slower than PyTorch's, forward or back.
# DEVICE=cpu is a trial of the script: small inputs, one step; its times measure nothing.
# OUT holds what each part gave as JSON, gpu.json with all of it, and table.txt; a part that is run again replaces its own.
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
device="${DEVICE:-cuda}"
budget="${BUDGET:-480}"
out="${OUT:-gpu-bench}"
mkdir -p "$out" && out="$(cd "$out" && pwd)" || exit 2

pipe="${PIPE:-}"
for path in "$here/pipe" "$here/../../pipe" "$here/../../target/pipe-$device" "$(command -v pipe || true)" "$here/../../target/release/pipe"; do
  [ -n "$pipe" ] || { [ -x "$path" ] && [ ! -d "$path" ] && pipe="$path"; }
done
[ -x "$pipe" ] || { echo "gpu.sh: no pipe; say PIPE=path/of/pipe" >&2; exit 2; }
pipe="$(cd "$(dirname "$pipe")" && pwd)/$(basename "$pipe")"

export PYTHONDONTWRITEBYTECODE=1
python="${PYTHON:-python3}"
torch=no
if command -v "$python" > /dev/null; then
  "$python" -c 'import torch' 2> /dev/null && torch=yes
else
  python=
fi
trial=()
[ "$device" = cpu ] || [ "${TRIAL:-}" = 1 ] && trial=(--trial)

systems="unet unet-small svsnet deeplab nnunet"
parts="${*:-$systems parity compiled}"
for part in $parts; do
  case " $systems parity compiled profile " in
    *" $part "*) ;;
    *) echo "gpu.sh: no part \`$part\`; there are parity, $systems, compiled, profile" >&2; exit 2 ;;
  esac
done

left() { echo $((budget - SECONDS)); }

# limited SECONDS NAME COMMAND..: runs within its own limit and what is left of the budget; says what went wrong.
limited() {
  local most="$1" name="$2" code=0
  shift 2
  [ "$(left)" -lt "$most" ] && most="$(left)"
  if [ "$most" -lt 5 ]; then
    echo "$name: no time left"
    echo "no time left" > "$out/$name.missing"
    return 1
  fi
  timeout -k 5 "$most" "$@" > "$out/$name.out" 2> "$out/$name.err" || code=$?
  rm -f "$out/$name.missing"
  if [ "$code" != 0 ]; then
    local why="failed with code $code"
    [ "$code" = 124 ] || [ "$code" = 137 ] && why="not done after $most s"
    echo "$name: $why; $(tail -n 1 "$out/$name.err" | cut -c 1-200)"
    echo "$why" > "$out/$name.missing"
  fi
  return "$code"
}

# One cell of the line of a system.
line() { grep "^$1 |" "$here/gpu/systems.txt" | cut -d '|' -f "$2" | sed 's/^ *//; s/ *$//'; }

# theirs KIND NAME PRECISION SECONDS OPTION..: the same system in PyTorch.
theirs() {
  local name="$1-$2-$3" most="$4"
  rm -f "$out/$name.json"
  [ "$torch" = yes ] || return 0
  limited "$most" "$name" "$python" "$here/gpu/torch_side.py" "$2" "$3" "$device" "$out/$name.json" "${@:5}" "${trial[@]}" \
    && echo "$name: done, $SECONDS s"
}

system() {
  local name="$1" precision input steps rounds=4
  input="$(line "$name" 4)" steps="$(line "$name" 5)"
  [ "${#trial[@]}" = 0 ] || { input="$(line "$name" 6)" steps=1 rounds=2; }
  printf 'network: %s\n' "$(line "$name" 3)" > "$out/$name.yaml"
  for precision in tf32 bf16; do
    # One after the other on the same card, so that both see the same clocks.
    limited 100 "pipe-$name-$precision" "$pipe" network time "$out/$name.yaml" --input "$input" --steps "$steps" \
      --rounds "$rounds" --predictions "$rounds" --device "$device" --precision "$precision" --format json \
      && echo "pipe-$name-$precision: done, $SECONDS s"
    theirs torch "$name" "$precision" 60 --rounds "$rounds"
  done
}

compiled() {
  local name precision
  [ "$torch" = yes ] || { echo "compiled: no PyTorch"; return; }
  for name in $systems; do
    for precision in tf32 bf16; do
      theirs compiled "$name" "$precision" 90 --rounds 3 --compile
    done
  done
}

parity() {
  local precision network
  for precision in fp32 tf32 bf16; do
    for network in $("$pipe" network list | tail -n +2 | cut -d ' ' -f 1); do
      limited 120 "parity-$network-$precision" "$pipe" network check "$network" --device "$device" \
        --precision "$precision" --format json && echo "parity $network $precision: ok, $SECONDS s"
    done
  done
}

profile() {
  local name input
  for name in unet deeplab; do
    input="$(line "$name" 4)"
    [ "${#trial[@]}" = 0 ] || input="$(line "$name" 6)"
    printf 'network: %s\n' "$(line "$name" 3)" > "$out/$name.yaml"
    for precision in tf32 bf16; do
      limited 150 "operations-$name-$precision" "$pipe" network operations "$out/$name.yaml" --input "$input" --device "$device" \
        --precision "$precision" --format json || continue
      echo "operations-$name-$precision: done, $SECONDS s"
      rm -f "$out/torch-operations-$name-$precision.json"
      [ "$torch" = no ] || limited 90 "torch-operations-$name-$precision" "$python" "$here/gpu/torch_operations.py" \
        "$out/operations-$name-$precision.out" "$device" "$out/torch-operations-$name-$precision.json"
    done
  done
}

tell() {
  [ -z "$python" ] || "$python" "$here/gpu/table.py" "$out" "$pipe" "$device" "${trial[@]}" > "$out/table.txt.partial" \
    && mv "$out/table.txt.partial" "$out/table.txt"
}

for part in $parts; do
  case "$part" in
    parity | compiled | profile) "$part" ;;
    *) system "$part" ;;
  esac
  tell
done
if [ -n "$python" ]; then
  cat "$out/table.txt"
else
  echo "no Python here to make the table; $out holds what each part gave"
  cat "$out"/pipe-*.out
fi
