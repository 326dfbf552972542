#!/usr/bin/env bash
# record_planted_bugs.sh ZSIM_PLANTED LIST: finds for each planted bug of the list the first seed of 200 at
# which its invariant finds it, and writes the list anew. Fails when one is not found.
set -uo pipefail
planted=$1 list=$2 missing=0
[ -x "$planted" ] || { echo "$planted is no program; build zsim_planted first" >&2; exit 2; }
new=$(mktemp)
while read -r plant seed invariant; do
  if [[ -z "$plant" || "$plant" == \#* ]]; then echo "$plant${seed:+ $seed}${invariant:+ $invariant}" >> "$new"; continue; fi
  found=
  for ((s = 1; s <= 200; s++)); do
    out=$("$planted" --seed "$s" --plant "$plant" < /dev/null)
    if [[ "$out" == *"VIOLATION $invariant:"* ]]; then found=$s; break; fi
  done
  if [[ -z "$found" ]]; then echo "$plant: not found by $invariant within 200 seeds"; missing=1; found=$seed; fi
  echo "$plant $found $invariant" >> "$new"
done < "$list"
cat "$new" > "$list"
rm -f "$new"
exit "$missing"
