#!/bin/sh
# Runs one step in the job's container in place of the step itself: argument, the step's number and `start` or `beside`; in
# the site folder; as root, in the place of the step's first process, so that what the supervisor does to a step reaches the
# container through it. It ends as the step ends. That the container is gone is no end of a step: then it leaves
# `steps/N/gone`.
#
# What a job may write into the pipes of the door must not cost this machine more than that: hence the limit of memory.

forward() {
  echo "signal $no $1" >&7
}

no=$1
ulimit -v 65536 2>/dev/null
# Opened for both directions, so that nothing waits for a container that is gone.
exec 5<>"door/reply.$no" 7<>door/ctl 8<>door/run 9<>door/alive 6<door/alive 9>&-
trap 'forward INT' INT
trap 'forward TERM' TERM
trap : HUP QUIT
(
  trap '' INT TERM HUP QUIT
  exec 7>&- 8>&-
  # The container's first process has the other end, and writes nothing to it.
  while read -r _ <&6; do :; done
  echo gone >&5
) &
watcher=$!
exec 6<&-
echo "$2 $no" >&8
while :; do
  # Fails when a signal came in between.
  read -r word code out_of_memory _ <&5 || continue
  case $word in
    entered) echo end >"steps/$no/entered" ;;
    exit)
      case $code in '' | *[!0-9]*) continue ;; esac
      [ "$out_of_memory" != 1 ] || true >"steps/$no/out-of-memory"
      break
      ;;
    gone)
      true >"steps/$no/gone"
      code=255
      break
      ;;
  esac
done
kill -s KILL "$watcher" 2>/dev/null
exit "$code"
