#!/usr/bin/env bash
# planted_bugs.sh ZSIM ZSIM_PLANTED LIST: each planted bug is found by its invariant at its recorded
# seed, and the same seed holds without the bug. After a change of the product's own draws record
# the seeds anew: zsim_planted campaign --from 1 --count 200 --plant NAME
set -uo pipefail
zsim=$1 planted=$2 list=$3 failed=0 count=0
while read -r plant seed invariant; do
  [[ -z "$plant" || "$plant" == \#* ]] && continue
  count=$((count + 1))
  out=$("$planted" --seed "$seed" --plant "$plant" < /dev/null)
  if [[ $? -ne 1 || "$out" != *"VIOLATION $invariant:"* ]]; then
    echo "$plant at seed $seed is not found by $invariant: $out"; failed=1
  fi
  "$zsim" --seed "$seed" < /dev/null > /dev/null || { echo "seed $seed fails without a planted bug"; failed=1; }
done < "$list"
echo "planted bugs: $count replayed, $([[ $failed == 0 ]] && echo all found || echo NOT all found)"
exit "$failed"
