#!/bin/sh
# Makes this machine an agent of the Windrow farm at @FARM_URL@.
#
#   sh install.sh --token wrj_...        see --help
#
# Needs a POSIX shell, tar with gzip, sha256sum, and curl or wget. Puts everything below one folder, adds a systemd unit only
# when asked to, and leaves nothing behind when it fails.
set -eu

FARM_URL=@FARM_URL_QUOTED@
VERSION=@VERSION_QUOTED@
SHA256_linux_x64=@SHA256_LINUX_X64@
SHA256_linux_arm64=@SHA256_LINUX_ARM64@
# The farm's own authority; empty where the farm shows a certificate that every machine can check.
CA_PEM=@CA_PEM_QUOTED@

usage() {
  cat <<END
Installs Windrow's agent $VERSION, joins it to $FARM_URL and runs it.

  --token TOKEN     the join token (wrj_...), made with: windrow token create --join
                    - reads it from stdin; else WINDROW_JOIN_TOKEN
  --name NAME       how the farm calls it (default: made from the host name)
  --slots COUNT     how many jobs at a time; auto is one per two processors (default: 1)
  --labels LABELS   labels beside those found on the machine, with commas between them
  --dir FOLDER      where it is installed (default: /opt/windrow/agent for root, else ~/.local/share/windrow-agent)
  --state FOLDER    where it keeps its keys and works (default: /var/lib/windrow/agent for root, else FOLDER/state)
  --systemd         make it a service of systemd, and start that (root only)
  --no-start        install and join, but do not run it
  --uninstall       take everything away again, also the agent's keys
  --help            this
END
}

say() { printf '%s\n' "windrow: $1" >&2; }
fail() {
  say "$1"
  [ $# -lt 2 ] || say "  $2"
  exit 1
}

main() {
  token=${WINDROW_JOIN_TOKEN:-}
  unset WINDROW_JOIN_TOKEN
  name='' slots='' labels='' dir='' state='' action=install service=no start=yes
  while [ $# -gt 0 ]; do
    case $1 in
      --token | --name | --slots | --labels | --dir | --state)
        [ $# -ge 2 ] || fail "$1 needs a value" "see --help"
        case $1 in
          --token) token=$2 ;;
          --name) name=$2 ;;
          --slots) slots=$2 ;;
          --labels) labels=$2 ;;
          --dir) dir=$2 ;;
          --state) state=$2 ;;
        esac
        shift 2
        ;;
      --systemd) service=yes && shift ;;
      --no-start) start=no && shift ;;
      --uninstall) action=uninstall && shift ;;
      --help | -h) usage && exit 0 ;;
      *) fail "what is '$1'?" "see --help" ;;
    esac
  done
  check_options
  choose_folders
  if [ "$action" = uninstall ]; then uninstall; else install_agent; fi
}

check_options() {
  if [ "$token" = - ]; then IFS= read -r token || [ -n "$token" ] || fail "no token came on stdin"; fi
  case $token in
    '' | wrj_*) ;;
    *) fail "that is not a join token (wrj_...)" "an operator makes one with: windrow token create --join" ;;
  esac
  case $name in *[!A-Za-z0-9._-]*) fail "--name takes letters, digits, dot, dash and underscore" ;; esac
  case $labels in *[!A-Za-z0-9.,:_+/-]*) fail "--labels takes words with commas between them" ;; esac
  if [ "$slots" = auto ]; then
    slots=$(($(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2) / 2))
    [ "$slots" -ge 1 ] || slots=1
  fi
  case $slots in *[!0-9]* | 0*) fail "--slots takes a number from 1, or auto" ;; esac
}

choose_folders() {
  is_root=no
  [ "$(id -u)" != 0 ] || is_root=yes
  if [ -z "$dir" ]; then
    if [ $is_root = yes ]; then
      dir=/opt/windrow/agent
    else
      [ -n "${HOME:-}" ] || fail "HOME is not set, so there is no place for the agent" "name one with --dir FOLDER"
      dir=$HOME/.local/share/windrow-agent
    fi
  fi
  if [ -z "$state" ]; then
    state=$dir/state
    [ $is_root = no ] || [ "$dir" != /opt/windrow/agent ] || state=/var/lib/windrow/agent
  fi
  for folder in "$dir" "$state"; do
    case $folder in
      *[[:cntrl:]]*) fail "the name of a folder holds a control character" ;;
      /*) ;;
      *) fail "$folder: name the folder from the root (/...)" ;;
    esac
    case $service$folder in
      yes*[!A-Za-z0-9/._+@-]*) fail "$folder: a service takes folders of letters, digits and ._+@- only" ;;
    esac
  done
  [ $service = no ] || [ $is_root = yes ] || fail "--systemd needs root" "without it the agent runs as you, until you end it"
  [ $service = no ] || command -v systemctl > /dev/null || fail "--systemd: there is no systemctl here"
}

install_agent() {
  for tool in tar gzip sha256sum readlink; do
    command -v $tool > /dev/null || fail "$tool is missing on this machine" "install it and run this again"
  done
  command -v git > /dev/null || say "git is missing on this machine: jobs that check out a repository will need it"
  [ "$(uname -s)" = Linux ] || fail "there is no agent for $(uname -s), only for Linux"
  case $(uname -m) in
    x86_64 | amd64) platform=linux-x64 sum=$SHA256_linux_x64 ;;
    aarch64 | arm64) platform=linux-arm64 sum=$SHA256_linux_arm64 ;;
    *) platform=$(uname -m) sum='' ;;
  esac
  [ -n "$sum" ] || fail "the farm has no agent for $platform" "install its Node package where the controller runs (node-$platform)"
  has_joined=no
  [ ! -e "$state/credential.json" ] || has_joined=yes
  [ $has_joined = yes ] || [ -n "$token" ] ||
    fail "no join token is given: --token or WINDROW_JOIN_TOKEN" "an operator makes one with: windrow token create --join"

  was_there=no
  [ ! -e "$dir/current" ] || was_there=yes
  refuse_folders_of_others
  made='' made_state=no
  [ -d "$state" ] || made_state=yes
  trap give_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  [ -d "$dir" ] || made=$(first_missing "$dir")
  umask 022
  mkdir -p "$dir/versions" "$(dirname "$state")"
  if [ -x "$dir/versions/$VERSION/windrow-agent" ]; then
    say "the agent $VERSION is there already"
  else
    unpack
  fi
  before=$(readlink "$dir/current" 2> /dev/null || true)
  switch_to "versions/$VERSION"
  ln -sf current/windrow-agent "$dir/windrow-agent"
  rm -f "$dir/upgrading" "$dir/upgrading.tried"
  write_settings
  [ $has_joined = yes ] || join_farm
  trap - EXIT HUP INT TERM
  remove_old
  if [ $service = yes ]; then install_service; else run_agent; fi
}

# A failed installation and --uninstall remove what is in these folders: that must be an agent's.
refuse_folders_of_others() {
  if [ $was_there = yes ]; then
    is_installation || fail "$dir holds something else already" "name an empty folder with --dir"
  fi
  for folder in "$dir/versions"/*; do
    case ${folder##*/} in
      '*' | [0-9]*.[0-9]*.[0-9]*+*) ;;
      *) fail "$dir/versions holds something else already: ${folder##*/}" "name an empty folder with --dir" ;;
    esac
  done
  [ -z "$(ls -A "$state" 2> /dev/null)" ] || is_state ||
    fail "$state holds something else than an agent's keys and jobs" "name an empty folder with --state"
}

is_installation() { [ -L "$dir/current" ] && [ -e "$dir/current/windrow-agent" ]; }

is_state() {
  for mark in credential.json agent-key.pem nats-key.json agent.pid; do
    [ ! -e "$state/$mark" ] || return 0
  done
  return 1
}

# The folder that `mkdir -p` is going to make first: what is to be removed when all goes wrong.
first_missing() {
  at=$1
  while [ ! -d "$(dirname "$at")" ]; do at=$(dirname "$at"); done
  printf '%s' "$at"
}

# Runs at every end but the good one.
give_up() {
  code=$?
  rm -rf "$dir/versions/.new-$$"* "$dir/.current-$$" "$dir/.agent.env-$$"
  if [ $was_there = no ]; then
    rm -rf "$dir/versions" "$dir/current" "$dir/windrow-agent" "$dir/agent.env"
    # one that was made here and holds no credential holds nothing that matters
    [ $made_state = no ] || [ -e "$state/credential.json" ] || rm -rf "$state"
    [ -z "$made" ] || rm -rf "$made"
  elif [ -n "${before:-}" ]; then
    switch_to "$before"
  fi
  say "nothing was installed"
  exit $code
}

unpack() {
  new=$dir/versions/.new-$$
  mkdir "$new"
  say "fetching the agent $VERSION for $platform"
  fetch "$FARM_URL/install/agent-$platform-$VERSION.tar.gz" "$new.tar.gz" || {
    rm -f "$new.tar.gz"
    fail "the agent could not be fetched from $FARM_URL" "does this machine reach that address? (the lines above say more)"
  }
  if ! echo "$sum  $new.tar.gz" | sha256sum -c > /dev/null 2>&1; then
    rm -f "$new.tar.gz"
    fail "what came from $FARM_URL is not the agent that this script was made for" "the farm may have been updated meanwhile: fetch install.sh again"
  fi
  tar -xzf "$new.tar.gz" -C "$new" || {
    rm -f "$new.tar.gz"
    fail "the agent could not be unpacked: is the disk of $dir full?"
  }
  rm -f "$new.tar.gz"
  "$new/bin/node" --version > /dev/null 2>&1 ||
    fail "this machine cannot run the agent's Node" "it needs the GNU C library 2.28 or newer; machines with musl (Alpine) have none"
  rm -rf "$dir/versions/$VERSION"
  mv "$new" "$dir/versions/$VERSION"
}

# fetch URL FILE
fetch() {
  ca=''
  if [ -n "$CA_PEM" ]; then
    ca=$new.ca.pem
    printf '%s\n' "$CA_PEM" > "$ca"
  fi
  code=0
  if command -v curl > /dev/null; then
    curl -fsSL --connect-timeout 20 --retry 2 ${ca:+--cacert "$ca"} -o "$2" "$1" || code=$?
  elif command -v wget > /dev/null; then
    wget -q ${ca:+--ca-certificate="$ca"} -O "$2" "$1" || code=$?
  else
    say "neither curl nor wget is here: install one of them and run this again"
    code=1
  fi
  [ -z "$ca" ] || rm -f "$ca"
  return $code
}

# A link is exchanged by a rename, so that there is always one.
switch_to() {
  rm -f "$dir/.current-$$"
  ln -s "$1" "$dir/.current-$$"
  mv -Tf "$dir/.current-$$" "$dir/current"
}

write_settings() {
  {
    echo "# What the agent is told when it starts; install.sh writes this."
    echo "WINDROW_URL=$FARM_URL"
    echo "WINDROW_AGENT_DIR=$state"
    keep WINDROW_AGENT_NAME "$name"
    keep WINDROW_AGENT_SLOTS "$slots"
    keep WINDROW_AGENT_LABELS "$labels"
  } > "$dir/.agent.env-$$"
  mv -f "$dir/.agent.env-$$" "$dir/agent.env"
}

# keep NAME VALUE: the value, else what an earlier installation said.
keep() {
  if [ -n "$2" ]; then
    echo "$1=$2"
  elif [ -f "$dir/agent.env" ]; then
    grep "^$1=" "$dir/agent.env" || true
  fi
}

join_farm() {
  say "joining $FARM_URL"
  WINDROW_JOIN_TOKEN=$token "$dir/windrow-agent" join ||
    fail "this machine could not join the farm" "the line above says why; a join token works for a limited time and number of machines"
}

remove_old() {
  previous=${before##*/}
  for folder in "$dir/versions"/* "$dir/versions"/.new-*; do
    case ${folder##*/} in
      "$VERSION" | "$previous") ;;
      *) rm -rf "$folder" ;;
    esac
  done
}

run_agent() {
  if [ $start = no ]; then
    say "installed; start it with: $dir/windrow-agent run"
    exit 0
  fi
  say "it runs until you end it (Ctrl-C: after its jobs); start it again with: $dir/windrow-agent run"
  exec "$dir/windrow-agent" run
}

unit=/etc/systemd/system/windrow-agent.service

install_service() {
  write_unit > "$unit.new"
  mv -f "$unit.new" "$unit"
  systemctl daemon-reload
  if [ $start = no ]; then
    systemctl enable windrow-agent
    say "installed; start it with: systemctl start windrow-agent"
    return
  fi
  if systemctl is-active --quiet windrow-agent; then
    say "installed; the running agent goes on as it is until: systemctl restart windrow-agent"
  fi
  systemctl enable --now windrow-agent
  say "windrow-agent is a service of systemd: journalctl -u windrow-agent"
}

write_unit() {
  # The folder in the unit is that of a usual installation.
  sed -e "s|/opt/windrow/agent|$dir|g" <<'END_OF_UNIT'
@SYSTEMD_UNIT@
END_OF_UNIT
}

uninstall() {
  is_installation || fail "there is no agent in $dir" "name its folder with --dir"
  if [ -e "$unit" ] && [ $is_root = yes ] && grep -qF "=$dir/" "$unit"; then
    systemctl disable --now windrow-agent || true
    rm -f "$unit"
    systemctl daemon-reload || true
  fi
  if [ -f "$dir/agent.env" ]; then
    told=$(sed -n 's/^WINDROW_AGENT_DIR=//p' "$dir/agent.env")
    [ -z "$told" ] || state=$told
  fi
  running=$(sed -n '1s/ .*//p' "$state/agent.pid" 2> /dev/null || true)
  if [ -n "$running" ] && cat "/proc/$running/cmdline" 2> /dev/null | tr '\0' ' ' | grep -q agent.mjs; then
    fail "the agent runs (process $running)" "end it first: kill $running, and wait for its jobs"
  fi
  if is_state; then
    rm -rf "$state"
  elif [ -e "$state" ]; then
    say "$state holds no agent's keys, so it stays"
  fi
  rm -rf "$dir/versions" "$dir/current" "$dir/windrow-agent" "$dir/agent.env" "$dir/upgrading" "$dir/upgrading.tried"
  rmdir "$dir" 2> /dev/null || true
  say "the agent is gone from this machine; take it off the farm with: windrow agent remove NAME"
}

main "$@"
