#!/bin/sh
# The supervisor of one job. It outlives the agent, runs one step at a time, keeps its output and its exit code, and ends the
# job when asked or when the deadline passes. Nothing in here may need the agent, and nothing may need more than a POSIX shell,
# /proc, and the small tools named in ./settings.
#
# Three processes, all in the site folder, all in one session that no process of the job can join:
#   main     process 1 of the job's PID namespace where there is one; reads `run`, runs steps in the foreground (a background
#            child of a shell would have SIGINT ignored for good)
#   control  reads `ctl`: cancel, close, deadline; sends the signals
#   ticker   looks at the deadline file once a second
#
# A step in the job's container has a bridge in its place here (../door/bridge.sh), which is ours and no part of the job.
#
# Where a namespace holds the job and its user is not ours, the three are kept for the next job of the same user: when the
# namespace is empty but for them, main writes `released`, lets go of the site and waits for the next one on its standard
# input. Only the agent that started it holds the other end of that pipe: when the agent goes, a waiting supervisor goes too.
#
# Files that another process reads while they are written are single short writes that end in the word `end`: a reader that
# does not see the word has come too early. This costs no process, where a rename by mv costs one per step.
#
# The whole file is parsed before its last line runs, so that replacing it does not disturb a running job.

# Sets $now: milliseconds of the boot clock, to the hundredth of a second. 1$x keeps "08" from being read as octal.
read_now() {
  read -r up _ </proc/uptime
  now=$((${up%.*} * 1000 + 1${up#*.} * 10 - 1000))
}

# Sets $own_pid: the number of this very process, which $$ is not in a subshell. A listing takes a few calls; from a file the
# shell reads a byte at a time.
find_own_pid() {
  for own_pid in /proc/self/task/*; do own_pid=${own_pid##*/}; done
}

# read_stat PID: sets $state $ppid $session, or fails. The name in parentheses may hold spaces and parentheses.
read_stat() {
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  line=${line##*) }
  state=${line%% *}
  line=${line#* }
  ppid=${line%% *}
  line=${line#* }
  line=${line#* }
  session=${line%% *}
}

# Sets $pids and $count: the living processes of the job. In a namespace that is everything outside our own session.
# Sets $is_starting while main is between taking a step up and having its process.
find_job_processes() {
  pids='' count=0 is_starting=no
  for entry in steps/*/begun; do
    entry=${entry%/begun}
    if [ -e "$entry/exit" ] || [ -e "$entry/refused" ] || [ ! -e "$entry/begun" ]; then continue; fi
    # A step that has not made its session yet is still in ours.
    if read -r pid _ 2>/dev/null <"$entry/started"; then add_if_job "$pid" step; else is_starting=yes; fi
    [ -z "$sandbox" ] || [ -s "$entry/entered" ] || is_starting=yes
  done
  if [ "$containment" = pid-namespace ]; then
    find_own_processes
    for entry in /proc/[0-9]*; do
      case $own_pids in *" ${entry#/proc/} "*) ;; *) add_if_job "${entry#/proc/}" every ;; esac
    done
    return
  fi
  if [ "$containment" = cgroup ]; then
    for entry in $cgroups; do
      while read -r pid; do add_if_job "$pid" every; done <"$entry/cgroup.procs"
    done
    return
  fi
  sessions=' '
  for entry in steps/*/started; do
    read -r started_pid _ 2>/dev/null <"$entry" && sessions="$sessions$started_pid "
  done
  for entry in /proc/[0-9]*; do
    add_if_job "${entry#/proc/}" session
  done
  found=$(
    grep -lszxF "$cookie" /proc/[0-9]*/environ
    [ -z "$uid" ] || grep -lsE "^Uid:[[:space:]]+$uid[[:space:]]" /proc/[0-9]*/status
  )
  for entry in $found; do
    entry=${entry#/proc/}
    add_if_job "${entry%%/*}" every
  done
}

# Sets $own_pids: some of our own processes, which need no closer look. What the job's user owns is never among them.
find_own_processes() {
  own_pids=" $main_pid $control_pid "
  [ -n "$uid" ] || return
  sleep_pid=''
  read -r sleep_pid _ 2>/dev/null <"/proc/$ticker_pid/task/$ticker_pid/children"
  for helper_pid in "$ticker_pid" $sleep_pid; do
    [ ! -O "/proc/$helper_pid" ] || own_pids="$own_pids$helper_pid "
  done
}

# add_if_job PID step|every|session
add_if_job() {
  case " $pids " in *" $1 "*) return ;; esac
  read_stat "$1" || return
  [ "$session" != "$own_session" ] || [ "$2" = step ] || return
  case $state in Z | X) return ;; esac
  if [ "$2" = session ]; then
    case $sessions in *" $session "*) ;; *) return ;; esac
  fi
  pids="$pids $1" count=$((count + 1))
}

# signal_all NAME: to the processes found last.
signal_all() {
  for pid in $pids; do
    kill -s "$1" "$pid" 2>/dev/null
  done
}

# wait_for MS COMMAND...: until the command succeeds; fails when the time has passed, when somebody is in a hurry, and, where
# it must not be waited beyond the deadline, when that has passed.
wait_for() {
  read_now
  wait_until=$((now + $1))
  shift
  while ! "$@"; do
    read_now
    [ "$now" -lt "$wait_until" ] || return 1
    [ ! -e hurry ] || [ "$hurried" = no ] || return 1
    [ ! -e overdue ] || [ "$until_deadline" = no ] || return 1
    sleep 0.02
  done
}

nothing_is_starting() {
  find_job_processes
  [ "$is_starting" = no ]
}

job_is_empty() {
  find_job_processes
  [ "$count" -eq 0 ]
}

step_has_ended() {
  [ -e "steps/$step_no/exit" ]
}

# cancel_step NO INTERRUPT_MS TERMINATE_MS
cancel_step() {
  step_no=$1
  dir=steps/$step_no
  step_has_ended && return
  read -r pid _ 2>/dev/null <"$dir/started" || return
  hurried=yes until_deadline=yes
  # On its way into the sandbox a step would not hear it; what a bridge hears early its container learns with the start.
  [ -z "$sandbox" ] || wait_for 1000 test -s "$dir/entered"
  if [ "$2" -gt 0 ]; then
    echo "interrupt end" >"$dir/cancelled"
    signal_group INT
    wait_for "$2" step_has_ended && return
  fi
  end_if_overdue
  if [ "$3" -gt 0 ]; then
    echo "terminate end" >"$dir/cancelled"
    signal_group TERM
    wait_for "$3" step_has_ended && return
  fi
  end_if_overdue
  echo "kill end" >"$dir/cancelled"
  hurried=no
  step_pid=$pid
  if [ -p "door/reply.$step_no" ]; then kill_in_container; else wait_for 10000 kill_session; fi
}

# A job may fill the pipe to its container and stop who reads it there: so another process writes into it. One whose container
# does not answer has its bridge killed, which says how the step ended.
kill_in_container() {
  (echo "signal $step_no KILL" 1<>door/ctl) &
  writer=$!
  wait_for 10000 step_has_ended || kill -s KILL -- "-$step_pid" 2>/dev/null
  kill -s KILL "$writer" 2>/dev/null
  wait "$writer" 2>/dev/null
}

# signal_group NAME: before the step has made its session there is only the process itself.
signal_group() {
  kill -s "$1" -- "-$pid" 2>/dev/null || kill -s "$1" "$pid" 2>/dev/null
}

# Succeeds when the step has ended.
kill_session() {
  step_has_ended && return
  kill -s KILL "$step_pid" 2>/dev/null
  for entry in /proc/[0-9]*; do
    entry=${entry#/proc/}
    read_stat "$entry" && [ "$session" = "$step_pid" ] && kill -s KILL "$entry" 2>/dev/null
  done
  return 1
}

# end_job INTERRUPT_MS TERMINATE_MS: ends every process of the job, writes the receipt, ends the supervisor.
end_job() {
  read_now
  began=$now
  hurried=no until_deadline=no
  # Main looks for this file after it has said that it begins a step, and we look for that after making this file: one of
  # us sees the other.
  true >ending
  wait_for 1000 nothing_is_starting
  ended_count=$count
  hurried=yes
  if [ "$count" -gt 0 ] && [ "$1" -gt 0 ]; then
    signal_all INT
    wait_for "$1" job_is_empty
  fi
  if [ "$count" -gt 0 ] && [ "$2" -gt 0 ]; then
    signal_all TERM
    wait_for "$2" job_is_empty
  fi
  hurried=no
  if [ "$count" -gt 0 ]; then
    wait_for 5000 kill_job
    find_job_processes
  fi
  is_reusable=no
  if [ "$kept" = yes ] && empty_namespace && nothing_is_shared; then is_reusable=yes; fi
  read_now
  # No look at the processes after this: the next job of this user may have begun.
  if echo "$ended_count $count $((now - began)) end" >receipt && [ "$is_reusable" = yes ]; then
    is_over=yes
    echo "release $ticker_fate" >&8
    exec 8>&-
    return
  fi
  # Open for both directions: opening a pipe for writing alone would wait for a reader that may have died.
  echo end >&8
  exit 0
}

# Succeeds when nothing but the three of us is in the namespace. Sets $ticker_fate: a process that goes on forking and ending
# outruns every look; it cannot outrun one signal to all, after which the kernel lets none of them fork. The ticker goes
# too then: main makes another.
empty_namespace() {
  # What the steps wrote is stored first: the readers of their pipes go with the rest.
  wait_for 2000 steps_have_ended || return 1
  ticker_fate=kept
  ! we_are_alone || return 0
  ticker_fate=killed
  kill -s KILL -- -1 2>/dev/null
  wait_for 5000 job_is_empty && [ "$is_starting" = no ]
}

# Succeeds when there is nobody else, and nobody was made during the look: the last number that the namespace gave out is
# the same after it. What was there before it and made nothing has been seen, zombies included, whose threads may live.
we_are_alone() {
  read -r _ _ _ _ last_made </proc/loadavg
  find_own_processes
  for entry in /proc/[0-9]*; do
    case $own_pids in *" ${entry#/proc/} "*) ;; *) return 1 ;; esac
  done
  read -r _ _ _ _ last_made_now </proc/loadavg
  [ "$last_made" = "$last_made_now" ]
}

# Succeeds when the job left no memory segment, semaphore or message queue in the namespace, which would be the next job's.
nothing_is_shared() {
  for entry in shm sem msg; do
    [ ! -e "/proc/sysvipc/$entry" ] || { read -r _ && ! read -r _; } <"/proc/sysvipc/$entry" || return 1
  done
  for entry in /dev/shm/* /dev/shm/.[!.]* /dev/shm/..?* ${queues:+"$queues"/*}; do
    if [ -e "$entry" ] || [ -L "$entry" ]; then
      case " $queues $agents_own " in *" $entry "*) ;; *) return 1 ;; esac
    fi
  done
}

steps_have_ended() {
  for entry in steps/*/begun; do
    entry=${entry%/begun}
    [ -e "$entry/exit" ] || [ -e "$entry/refused" ] || [ ! -e "$entry/begun" ] || return 1
  done
}

# Succeeds when nothing is left. A process may fork between the look and the signal: hence again and again.
kill_job() {
  if [ "$containment" = cgroup ]; then
    for entry in $cgroups; do
      [ ! -e "$entry/pids.max" ] || echo 0 >"$entry/pids.max"
      [ ! -e "$entry/cgroup.kill" ] || echo 1 >"$entry/cgroup.kill"
    done
  fi
  find_job_processes
  signal_all KILL
  [ "$count" -eq 0 ]
}

# Ends the job when its deadline has passed, with the grace that is kept for that, whatever else was going on.
end_if_overdue() {
  [ -e overdue ] || return
  # The agent may have moved the deadline since the ticker looked.
  # What stands behind it, if anything, replaces the grace of the settings.
  read -r deadline interrupt_ms terminate_ms <deadline
  read_now
  if [ "$deadline" -gt "$now" ]; then
    rm -f overdue
    return
  fi
  echo "$now end" >ended-by-deadline
  end_job "${interrupt_ms:-$deadline_interrupt_ms}" "${terminate_ms:-$deadline_terminate_ms}"
}

control() {
  trap '' INT TERM HUP QUIT PIPE
  find_own_pid
  control_pid=$own_pid
  # By exec: a redirection of the call would keep a copy to put back. What leads to main stays open: its place in the site
  # folder may be wiped before the end.
  exec 4>&- 9>&-
  is_over=no
  while :; do
    read -r verb first second third <&3 || continue
    if [ "$verb" = next ]; then
      ticker_pid=$first
      IFS= read -r site <&3
      enter_site
      exec 8<>run 3<>ctl
      is_over=no
      # Both pipes have their readers before the agent is told that it may write.
      echo ready >events
      continue
    fi
    # Late words for a job that is over must not reach the next one.
    [ "$is_over" = no ] || continue
    case $verb in
      cancel) cancel_step "$first" "$second" "$third" ;;
      close) end_job "$first" "$second" ;;
      deadline) end_if_overdue ;;
    esac
  done
}

ticker() {
  trap '' INT TERM HUP QUIT PIPE
  exec 5>&- 8<&- 9>&-
  watch_deadline
  while [ "$kept" = yes ]; do
    # Said for every site that main takes up; some may have come and gone while this one slept.
    read -r _ <&4
    watch_deadline
  done
}

watch_deadline() {
  while follow_main && [ ! -e receipt ]; do
    # The site folder was wiped, or main was killed and no namespace ends the job with it: then control does.
    if [ ! -d "/proc/$main_pid" ] || ! read -r deadline _ 2>/dev/null <deadline; then
      echo "close 0 0" >&3
      return
    fi
    read_now
    left=$((deadline - now))
    if [ "$left" -le 0 ]; then
      # Before the command: control may be in the middle of another one.
      true >overdue
      echo deadline >&3
      sleep 1 3<&- 4<&-
    elif [ "$left" -lt 1000 ]; then
      left=$((left + 1000))
      sleep "0.${left#1}" 3<&- 4<&-
    else
      # Without the pipe: a command must not be taken by one that only sleeps.
      sleep 1 3<&- 4<&-
    fi
  done
}

# Main may be at another site than a second ago, even at one that was wiped meanwhile. It changes its folder first and its
# third descriptor after that, and here the order is turned round: never the pipe of one site with the folder of an earlier.
follow_main() {
  [ "$kept" = no ] || { exec 3<>"/proc/$main_pid/fd/3" && cd "/proc/$main_pid/cwd"; }
}

# Waits until the pipe's reader has stored what the step wrote; sets $bytes. The step's process has ended and our own writing
# end is closed: the reader sees the end of the pipe and goes, unless a background process holds it open. Then the reader
# sleeps only when the pipe is empty, so twice asleep at one position means that all is stored. A background process that
# never stops writing is cut off after about a second.
drain() {
  spins=0 naps=0 position=''
  # One that has ended has no program any more.
  while [ -e "/proc/$reader/exe" ] && [ "$spins" -lt 30 ]; do spins=$((spins + 1)); done
  if [ ! -e "/proc/$reader/exe" ]; then
    wait "$reader"
    reader_code=$? bytes=all
    return
  fi
  spins=0
  while :; do
    # A reader that failed early may have been reaped already, and its number given to another process.
    if ! read_stat "$reader" || [ "$ppid" != "$main_pid" ] || [ "$state" = Z ]; then
      wait "$reader"
      reader_code=$? bytes=all
      return
    fi
    [ -z "$fallocate" ] || look_at_careful_reader
    if [ "$state" != S ] && [ "$spins" -lt 30 ]; then
      spins=$((spins + 1))
      continue
    fi
    seen=$position
    while read -r key value; do
      [ "$key" != pos: ] || position=$value
    done 2>/dev/null <"/proc/$reader/fdinfo/1"
    if [ -n "$position" ]; then
      if [ "$naps" -ge 40 ] || { [ "$state" = S ] && [ "$seen" = "$position" ]; }; then break; fi
    fi
    naps=$((naps + 1))
    sleep 0.02
  done
  reader_code=0 bytes=$position
  # What background processes write from now on belongs to no step. It is read and dropped, so that they neither block nor
  # fill the disk. Both ends are opened before the reader goes: at no moment is the pipe without one.
  exec 7<>"$pipe" 6<"$pipe"
  kill -s KILL "$reader"
  wait "$reader" 2>/dev/null
  read_pipe /dev/null
  exec 7>&- 6<&-
}

# read_pipe FILE: starts the reader of the pipe on descriptor 6.
read_pipe() {
  (
    trap '' INT TERM HUP QUIT
    [ -z "$fallocate" ] || [ "$1" = /dev/null ] || store_carefully "$1"
    exec /bin/cat <&6 >>"$1" 3<&- 4<&- 5>&- 6<&- 7>&- 8<&- 9>&-
  ) &
  reader=$!
}

# store_carefully FILE: where there is little room. Room for a piece is set aside before the piece is taken out of the pipe,
# so that a full disk makes the step wait and loses nothing. Some file systems cannot set room aside: then as everywhere.
store_carefully() {
  exec <&6 >>"$1" 3>&1 4<&- 5>&- 6<&- 7>&- 8<&- 9>&-
  stored=0 told=''
  while :; do
    until told=$("$fallocate" --keep-size --offset "$stored" --length "$piece_bytes" "$1" 2>&1); do
      case $told in *upported*) exec /bin/cat 3>&- ;; esac
      [ -e "$1" ] || exit 1
      sleep 0.2
    done
    # Whatever a read gives is written at once. Fewer reads than allowed: that was the end of the pipe.
    told=$(LC_ALL=C exec dd bs=4096 count=64 status=noxfer 2>&1 >&3) || exit
    while read -r key value; do
      [ "$key" != pos: ] || stored=$value
    done </proc/self/fdinfo/3
    # It may warn before it counts.
    told=${told%% records in*}
    told=${told##*[!0-9+]}
    if [ "$(($told))" -lt 64 ]; then
      # What was set aside and not needed.
      truncate -s "$stored" "$1"
      exit 0
    fi
  done
}

# Sets $state to that of the process that takes the careful reader's next piece; R while it waits for room.
look_at_careful_reader() {
  state=R piece_name=''
  read -r piece_pid _ 2>/dev/null <"/proc/$reader/task/$reader/children" || return
  read -r piece_name 2>/dev/null <"/proc/$piece_pid/comm"
  if [ "$piece_name" = dd ]; then read_stat "$piece_pid"; else naps=0; fi
}

# Sets $oom_count: processes of the job that the kernel ended because its memory limit was reached.
count_oom() {
  oom_count=0
  while read -r key value; do
    [ "$key" != oom_kill ] || oom_count=$value
  done 2>/dev/null <"$oom_counter"
}

# By the process that becomes the step, for itself.
limit_step() {
  for entry in $cgroups; do
    echo 0 >"$entry/cgroup.procs"
  done
  # Shells do not agree on the letter.
  [ -z "$processes_max" ] || ulimit -p "$processes_max" 2>/dev/null || ulimit -u "$processes_max" 2>/dev/null
}

# run_step start|beside NO [door]
run_step() {
  verb=$1 place=$3
  shift
  dir=steps/$1 pipe=pipe.$1
  [ ! -e "$dir/begun" ] || return
  # `true`, not `:`, which would end this shell on a full disk.
  true >"$dir/begun"
  if [ -e ending ]; then
    true >"$dir/refused"
    return
  fi
  exec 7<>"$pipe" 6<"$pipe" 5>"$pipe" 7>&-
  fallocate=''
  if [ -e "$dir/careful" ]; then
    read -r fallocate <"$dir/careful"
    # The step's last words on a disk that it fills are stored here; without room for them it begins all the same.
    "$fallocate" --keep-size --length "$piece_bytes" "spool/$1" 2>/dev/null
  fi
  read_pipe "spool/$1"
  exec 6<&-
  oom_before=0 oom_count=0
  [ -z "$oom_counter" ] || { count_oom && oom_before=$oom_count; }
  read_now
  started=$now
  (
    find_own_pid
    until echo "$own_pid $started end" >"$dir/started" || [ ! -d "$dir" ]; do sleep 1; done
    echo "started $1" >&9
    if [ "$place" = door ]; then
      exec $setsid $reset /bin/sh "$bridge" "$1" "$verb" </dev/null 3<&- 4<&- 5>&- 8<&- 9>&-
    fi
    [ -z "$cgroups$processes_max" ] || limit_step
    # The shell behind $drop is the job's user and opens its script by this descriptor (as a file: from its standard input
    # it would read a byte at a time); the path is closed to it.
    exec 3<"$dir/launch" </dev/null >&5 2>&1 4<&- 5>&- 8<&- 9>&-
    [ -n "$sandbox" ] || exec $setsid $reset $drop /bin/sh /proc/self/fd/3
    # The sandbox's own process stays as the step's parent and hands its exit code on; what is meant for the step must not
    # end it, and is put right for the step behind it.
    trap '' INT TERM HUP QUIT
    # The step's script says by descriptor 5 that it has arrived.
    exec 4<sandbox 5>"$dir/entered"
    exec $setsid $drop "$sandbox" --args 4 -- /usr/bin/env --default-signal=INT,TERM,HUP,QUIT /bin/sh /proc/self/fd/3
  )
  code=$?
  read_now
  ended=$now
  out_of_memory=0
  if [ "$place" = door ]; then
    [ ! -e "$dir/gone" ] || code=gone
    [ ! -e "$dir/out-of-memory" ] || out_of_memory=1
  elif [ -n "$oom_counter" ]; then
    count_oom
    [ "$oom_count" -le "$oom_before" ] || out_of_memory=1
  fi
  exec 5>&-
  drain
  # On a full disk the answer waits for room: without it the step would be lost. In a wiped folder nobody waits for it.
  until echo "$code $bytes $started $ended $reader_code $out_of_memory end" >"$dir/exit" || [ ! -d "$dir" ]; do sleep 1; done
  echo "ended $1" >&9
}

# run_beside NO [door]: in a shell of its own, while main goes on. A shell starts such a one with SIGINT ignored for good; only
# another program can put that right for the step, and where there is none a step is ended by SIGTERM at the soonest.
run_beside() {
  read -r main_pid _ </proc/self/stat
  ! env --default-signal=INT,QUIT true 2>/dev/null || reset='env --default-signal=INT,QUIT'
  run_step beside "$1" "$2"
}

# Gives the namespace a place of its own for shared memory, and shows its message queues, so that what a job leaves is seen.
# Without that the namespace serves one job only.
show_shared() {
  for entry in /dev/shm/windrow-*; do
    [ -L "$entry" ] || [ ! -d "$entry" ] || [ ! -O "$entry" ] || agents_own="$agents_own $entry"
  done
  # What is there now is seen at another place for this moment, in this namespace alone.
  if ! "$mount" --bind /dev/shm /tmp || ! "$mount" -t tmpfs -o mode=1777,nosuid,nodev shm /dev/shm; then
    kept=no
    return
  fi
  # Folders of agents there stay: sites, and the files by which jobs and their agent talk.
  for entry in $agents_own; do
    mkdir -m 711 "$entry" && "$mount" --bind "/tmp/${entry##*/}" "$entry" || exit 70
  done
  "${mount%mount}umount" -l /tmp || exit 70
  if [ -d /dev/mqueue ]; then
    queues=/dev/mqueue
    "$mount" -t mqueue mqueue "$queues" || kept=no
  elif [ -e /proc/sys/fs/mqueue ]; then
    # In a folder that is closed to jobs.
    queues=/dev/shm/.queues
    { mkdir -m 700 "$queues" && "$mount" -t mqueue mqueue "$queues"; } || kept=no
  fi
}

main() {
  main_pid=$$
  # Handled, not ignored: handled signals are back to their default in a step, ignored ones would stay ignored.
  trap : INT TERM HUP QUIT
  read_stat "$$"
  own_session=$session
  # shellcheck disable=SC2086
  [ -z "$loopback" ] || $loopback || exit 70
  [ "$kept" = no ] || [ -z "$mount" ] || show_shared
  # Both pipes have their reader before the agent is told that it may write.
  exec 8<>run 3<>ctl
  [ "$kept" = no ] || exec 4<>tick
  ticker &
  ticker_pid=$!
  control &
  control_pid=$!
  [ "$kept" = yes ] || exec 3<&-
  echo ready >&9
  while :; do
    read -r verb no place <&8 || continue
    case $verb in
      start) run_step start "$no" "$place" ;;
      beside)
        (
          exec 3<&- 4<&- 8<&-
          run_beside "$no" "$place"
        ) &
        ;;
      release) serve_next_site "$no" ;;
      end) exit 0 ;;
    esac
  done
}

# serve_next_site kept|killed: lets go of a site whose job is over, and waits for the next one. Says what became of the ticker.
serve_next_site() {
  echo "released end" >released
  # Said, because the end of this pipe cannot say it: what holds a supervisor's first site open is beyond our reach.
  echo released >&9
  exec 8>&- 9>&-
  IFS= read -r site || exit 0
  # Without it no command would be heard; the agent starts another supervisor.
  [ -e "/proc/$control_pid/exe" ] || exit 70
  enter_site
  exec >>supervisor.log 2>&1 8<>run 9<>events 5>&3 3<>ctl
  echo "$identity end" >supervisor.pid
  if [ "$1" = killed ] || [ ! -e "/proc/$ticker_pid/exe" ]; then
    # A shell remembers every process beside it until it was waited for.
    wait "$ticker_pid" 2>/dev/null
    ticker &
    ticker_pid=$!
  else
    echo next >&4
  fi
  printf 'next %s\n%s\n' "$ticker_pid" "$site" >&5
  exec 5>&-
}

enter_site() {
  cd "$site" || exit 70
  # shellcheck disable=SC1091
  . ./settings || exit 70
}

# Ends what is left of a job whose main was killed and whom no namespace holds.
reap() {
  main_pid=0 control_pid=0 ticker_pid=0
  exec 8>/dev/null
  read_stat "$$"
  own_session=$session
  end_job 0 0
}

# Starts main in a namespace of its own, if $hold says how. The process number written here stays the outermost one.
boot() {
  # Held by main and by what holds main, and by nobody else: the end of the pipe tells the agent that all is over.
  exec 9<>events
  # Opened for both directions first: opening it for reading alone would wait for an agent that may have died.
  [ "$kept" = no ] || exec 5<>next <next 5>&-
  read -r line </proc/self/stat
  # shellcheck disable=SC2086
  set -- ${line##*) }
  echo "$$ ${20} end" >supervisor.pid
  exec $hold /bin/sh "$supervisor" main "$site" "$$ ${20}"
}

umask 077
fallocate='' piece_bytes=262144
reset='' queues='' agents_own=''
site=$2 identity=$3
enter_site
"$1"; exit
