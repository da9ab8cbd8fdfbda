#!/bin/sh
# The guard of one job's containers: argument, the site folder. Where a namespace holds the job, its supervisor cannot reach
# containers, and an agent may be dead; so this process of the machine waits for the end of the job and ends what is left of
# its containers. It goes when they are gone. Needs nothing but a POSIX shell, /proc and sleep.

# How many seconds an agent that lives is given to end the containers itself.
agent_seconds=20

# is_alive PID START: whether that very process is there, and more than a zombie.
is_alive() {
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2086
  set -- "$2" ${line##*) }
  case $2 in Z | X) return 1 ;; esac
  [ "${21}" = "$1" ]
}

# The file may go with the site, so what it said is kept.
read_containers() {
  [ -e "$site/containers" ] || return 0
  noted=''
  while read -r pid start _ word; do
    [ "$word" != end ] || noted="$noted $pid:$start"
  done 2>/dev/null <"$site/containers"
}

job_goes_on() {
  if [ -e "$site/receipt" ] || [ -e "$site/released" ]; then return 1; fi
  read -r pid start _ 2>/dev/null <"$site/supervisor.pid" && is_alive "$pid" "$start"
}

agent_lives() {
  read -r pid start _ 2>/dev/null <"$site/guard.agent" && is_alive "$pid" "$start"
}

# end_containers [KILL]: succeeds when none is left; kills what is left if told.
end_containers() {
  left=0
  for one in $noted; do
    is_alive "${one%:*}" "${one#*:}" || continue
    left=$((left + 1))
    [ -z "$1" ] || kill -s "$1" "${one%:*}" 2>/dev/null
  done
  [ "$left" -eq 0 ]
}

trap '' INT TERM HUP QUIT PIPE
site=$1 noted=''
while job_goes_on; do
  read_containers
  sleep 1
done
read_containers
while agent_lives && [ "$agent_seconds" -gt 0 ]; do
  ! end_containers '' || exit 0
  agent_seconds=$((agent_seconds - 1))
  sleep 1
  read_containers
done
# What the kernel cannot end now it may end later; but not for ever.
tries=0
until end_containers KILL || [ "$tries" -ge 120 ]; do
  tries=$((tries + 1))
  sleep 0.5
done
