#!/bin/sh
# The first process of a job's container. It runs the job's steps in the container for the supervisor outside, which it talks
# to through the pipes in its own folder, the door; that is mounted read-only, where pipes can be written to all the same.
# Every container has a shell of its own kind (dash, ash, bash), and maybe nothing else: so this needs nothing but a POSIX
# shell and /proc, uses setsid where it is there, and writes no file.
#
# Two processes:
#   main     reads `run`, runs steps in the foreground
#   control  reads `ctl`: sends signals to steps, answers who we are
#
# `alive` is held open for writing by these two alone, so that its end tells the supervisor that the container is gone.
# Answers about step N go to `reply.N`: `entered`, then `exit CODE OUT_OF_MEMORY`. What the step writes goes straight to `pipe.N`.

door=${0%/*}

# Steps get the variables they are given and no other. What a value of several lines makes look like a name does no harm.
clear_environment() {
  names=$(
    export -p | while IFS= read -r line; do
      case $line in
        'export '*) line=${line#export } ;;
        'declare -x '*) line=${line#declare -x } ;;
        *) continue ;;
      esac
      echo "${line%%=*}"
    done
  )
  for name in $names; do
    case $name in
      '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;;
    esac
    # In a shell of its own first: one that may not be unset would end this one.
    # shellcheck disable=SC2034
    (unset "$name") 2>/dev/null && unset "$name"
  done
}

# Sets $facts: user, group, whether programs are linked against musl, and the tools that are there.
find_facts() {
  uid='' gid=''
  while read -r key value _; do
    case $key in
      Uid:) uid=$value ;;
      Gid:) gid=$value ;;
    esac
  done </proc/self/status
  loader=unknown
  while read -r _ _ _ _ _ path; do
    case $path in
      */ld-musl-*) loader=musl ;;
      */ld-linux* | */ld-[0-9]* | */libc.so.6 | */libc-2*) loader=glibc ;;
    esac
  done </proc/self/maps
  # A shell that is linked against nothing does not tell.
  if [ "$loader" = unknown ]; then
    for path in /lib/ld-musl-*; do [ ! -e "$path" ] || loader=musl; done
    for path in /lib64/ld-linux* /lib/ld-linux*; do [ ! -e "$path" ] || loader=glibc; done
  fi
  musl=no
  [ "$loader" != musl ] || musl=yes
  tools=''
  for tool in bash git node python python3 pwsh setsid env; do
    ! command -v "$tool" >/dev/null 2>&1 || tools="$tools $tool"
  done
  facts="facts $uid $gid $musl$tools end"
}

# Sets $oom_count: processes of the container that the kernel ended for want of memory, as far as it says so here.
count_oom() {
  oom_count=0
  for path in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$path" ] || continue
    while read -r key value; do
      [ "$key" != oom_kill ] || oom_count=$value
    done <"$path"
    return
  done
}

# read_stat PID: sets $ppid $session, or fails.
read_stat() {
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  line=${line##*) }
  line=${line#* }
  ppid=${line%% *}
  line=${line#* }
  line=${line#* }
  session=${line%% *}
}

# signal_step NAME PID. Where there is no setsid a step has no group of its own: then to it and what it started, as far as
# that did not become nobody's child.
signal_step() {
  if [ -n "$setsid" ] && [ "$1" != KILL ]; then
    # Before the step has made its session there is only the process itself.
    kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null
    return
  fi
  [ -z "$setsid" ] || kill -s KILL "$2" 2>/dev/null
  family=" $2 "
  # Again and again as long as more are found: a child may have a smaller number than its parent, and be made meanwhile.
  rounds=50 found=-1 known=0
  while [ "$found" -ne "$known" ] && [ "$rounds" -gt 0 ]; do
    found=$known rounds=$((rounds - 1))
    for entry in /proc/[0-9]*; do
      entry=${entry#/proc/}
      case $family in *" $entry "*) continue ;; esac
      read_stat "$entry" || continue
      if [ "$session" != "$2" ]; then
        [ -z "$setsid" ] || continue
        case $family in *" $ppid "*) ;; *) continue ;; esac
      fi
      family="$family$entry " known=$((known + 1))
      # Without a session of its own what lost its parent would not be known for its own any more.
      [ -z "$setsid" ] || kill -s KILL "$entry" 2>/dev/null
    done
  done
  for entry in $family; do
    kill -s "$1" "$entry" 2>/dev/null
  done
}

# is_number WORD
is_number() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
}

control() {
  trap '' INT TERM HUP QUIT PIPE
  while :; do
    read -r verb no word <&3 || continue
    case $verb in
      hello) echo "$facts" >&4 ;;
      # From main: a step has its process, or has ended.
      begun)
        is_number "$no" && is_number "$word" || continue
        eval "pid_$no=$word early=\${early_$no-}"
        [ -z "$early" ] || signal_step "$early" "$word"
        ;;
      ended)
        is_number "$no" || continue
        unset "pid_$no" "early_$no"
        ;;
      signal)
        is_number "$no" || continue
        case $word in INT | TERM | KILL) ;; *) continue ;; esac
        eval "pid=\${pid_$no-}"
        if [ -n "$pid" ]; then signal_step "$word" "$pid"; else eval "early_$no=$word"; fi
        ;;
    esac
  done
}

# run_step NO
run_step() {
  is_number "$1" && [ -p "$door/reply.$1" ] || return
  exec 7<>"$door/reply.$1"
  count_oom
  oom_before=$oom_count
  (
    read -r own_pid _ </proc/self/stat
    echo "begun $1 $own_pid" >&3
    echo entered >&7
    exec 5<"$door/launch.$1" </dev/null >"$door/pipe.$1" 2>&1 3<&- 4<&- 7<&- 8<&- 9>&- || exit 126
    # shellcheck disable=SC2086
    exec $setsid /bin/sh /proc/self/fd/5
  )
  code=$?
  echo "ended $1" >&3
  count_oom
  out_of_memory=0
  [ "$oom_count" -le "$oom_before" ] || out_of_memory=1
  echo "exit $code $out_of_memory" >&7
  exec 7<&-
}

main() {
  cd / || exit 70
  # Handled, not ignored: handled signals are back to their default in a step, ignored ones would stay ignored.
  trap : INT TERM HUP QUIT
  clear_environment
  PATH=${path_at_start:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
  find_facts
  setsid=$(command -v setsid) || setsid=''
  exec 8<>"$door/run" 3<>"$door/ctl" 4<>"$door/facts" 9<>"$door/alive"
  control &
  serve
}

# Where steps run beside one another, the two sides of a pipe that carries nothing are a step and the one that goes on
# serving: a shell starts what it puts into the background with SIGINT ignored for good, and these it does not.
serve() {
  trap : INT TERM HUP QUIT
  while :; do
    read -r verb no <&8 || continue
    case $verb in
      start) run_step "$no" ;;
      beside) run_step "$no" </dev/null | serve ;;
    esac
  done
}

umask 022
path_at_start=$PATH
main
exit
