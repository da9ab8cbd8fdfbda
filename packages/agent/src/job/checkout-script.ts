/** Tells the agent, and nobody else, that its copy of the repository cannot be read. */
export const MIRROR_OUTPUT = "windrow-mirror";

/**
 * Runs as the job's user, with nothing of what the job or its workflow set: what it is told comes in WINDROW_CHECKOUT_*.
 * git reads a configuration that stands in a folder made for this one run, and a repository's own that was written here:
 * whatever `.git` a step before it left goes, since its configuration may name programs. Only a name and an address of an
 * author are taken over. POSIX sh, since it may run in a job's container.
 */
export const CHECKOUT_SCRIPT = `set -euf
umask 022
fail() { echo "::error::checkout: $1"; exit 1; }
[ -z "$WINDROW_CHECKOUT_SAY" ] || printf '%s\\n' "$WINDROW_CHECKOUT_SAY"
command -v git >/dev/null 2>&1 || fail "git is not installed \${WINDROW_CHECKOUT_WHERE}"
basic=$WINDROW_CHECKOUT_BASIC
unset WINDROW_CHECKOUT_BASIC
server=$WINDROW_CHECKOUT_SERVER
api=$WINDROW_CHECKOUT_API
dir=$WINDROW_CHECKOUT_DIR
machine=$WINDROW_CHECKOUT_MACHINE
into=$WINDROW_CHECKOUT_WORKSPACE
if [ -n "$machine" ]; then
  WINDROW_CHECKOUT_WORKSPACE=$machine/workspace
  rm -rf -- "$machine"
  mkdir -p -- "$WINDROW_CHECKOUT_WORKSPACE" "$TMPDIR"
fi
cd -P -- "$WINDROW_CHECKOUT_WORKSPACE"
root=$(pwd -P)
mkdir -p -- "$dir" || fail "the folder '$dir' cannot be made"
cd -P -- "$dir"
here=$(pwd -P)
case "$here/" in "$root/"*) ;; *) fail "path '$dir' leads out of the workspace" ;; esac

HOME=$(mktemp -d)
export HOME
trap 'rm -rf -- "$HOME"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
header() { printf '[http "%s/"]\\n\\textraheader = AUTHORIZATION: basic %s\\n\\n' "$1" "$basic"; }
direct() { printf '[http "%s/"]\\n\\tfollowRedirects = false\\n\\tproxy =\\n' "$1"; }
lfs_settings() {
  printf '[lfs]\\n\\turl = %s\\n[remote "origin"]\\n\\tlfsurl = %s\\n' "$WINDROW_CHECKOUT_LFS" "$WINDROW_CHECKOUT_LFS"
  printf '[filter "lfs"]\\n\\tclean = git-lfs clean -- %%f\\n\\tsmudge = git-lfs smudge -- %%f\\n\\tprocess = git-lfs filter-process\\n\\trequired = true\\n'
}
{
  header "$server"
  header "$api"
  direct "$server"
  direct "$api"
  printf '[core]\\n\\thooksPath = /dev/null\\n\\tfsmonitor = false\\n[safe]\\n\\tdirectory = *\\n[gc]\\n\\tauto = 0\\n'
  printf '[maintenance]\\n\\tauto = false\\n[submodule]\\n\\trecurse = false\\n[advice]\\n\\tdetachedHead = false\\n'
  [ -z "$WINDROW_CHECKOUT_LFS" ] || lfs_settings
} > "$HOME/.gitconfig"
if [ -n "$WINDROW_CHECKOUT_LFS" ]; then
  git lfs version >/dev/null 2>&1 ||
    fail "lfs: true needs git-lfs, which is not installed \${WINDROW_CHECKOUT_WHERE} (Debian and Ubuntu: apt install git-lfs)"
fi

# of the job's own choice and harmless: read without a repository around, and without what it includes
value() { (cd / && git config --file "$here/.git/config" --no-includes --get "$1" 2>/dev/null) || :; }
name=
email=
if [ -e .git ] || [ -L .git ]; then
  if [ -f .git/config ] && ! [ -L .git ] && ! [ -L .git/config ]; then
    name=$(value user.name)
    email=$(value user.email)
  fi
  rm -rf .git
  emptied=$WINDROW_CHECKOUT_CLEAN
elif [ "$dir" != . ]; then
  emptied=$WINDROW_CHECKOUT_CLEAN
else
  emptied=false
fi
[ "$emptied" = false ] || find . -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +

begin() {
  rm -rf .git
  case \${#WINDROW_CHECKOUT_SHA} in
  64) git init -q --template= --object-format=sha256 . ;;
  *) git init -q --template= . ;;
  esac
  mkdir -p .git/info .git/objects/info
  git remote add origin "$WINDROW_CHECKOUT_URL"
  git config --local gc.auto 0
  [ -z "$name" ] || git config --local user.name "$name"
  [ -z "$email" ] || git config --local user.email "$email"
  [ -z "$mirror" ] || printf '%s\\n' "$mirror/objects" > .git/objects/info/alternates
}

depth=
[ "$WINDROW_CHECKOUT_DEPTH" = 0 ] || depth="--depth=$WINDROW_CHECKOUT_DEPTH"
tags=--no-tags
[ "$WINDROW_CHECKOUT_DEPTH" != 0 ] || tags=--tags
[ "$WINDROW_CHECKOUT_TAGS" != true ] || tags=--tags
filter=
[ -z "$WINDROW_CHECKOUT_FILTER" ] || filter="--filter=$WINDROW_CHECKOUT_FILTER"
all='+refs/heads/*:refs/remotes/origin/*'
[ "$WINDROW_CHECKOUT_DEPTH" = 0 ] || all=

# a controller that restarts is away for seconds
passing='error: 50[0-9]|Could not resolve|Failed to connect|Connection (refused|reset)|timed out|early EOF|hung up|unexpected disconnect'
patiently() {
  for wait in 1 4 end; do
    if "$@" 2> "$HOME/said"; then
      cat "$HOME/said" >&2
      return 0
    fi
    cat "$HOME/said" >&2
    [ "$wait" != end ] && grep -qE "$passing" "$HOME/said" || return 1
    echo "The farm did not answer; trying again in $wait s"
    sleep "$wait"
  done
}
get() { patiently git fetch -q --no-recurse-submodules --force $tags $depth $filter -- origin "$@"; }
names() { git ls-remote -q --symref -- origin "$@" > "$HOME/names"; }

# sets ref (whole, or empty) and sha (or empty)
find_ref() {
  ref=$WINDROW_CHECKOUT_REF
  sha=$WINDROW_CHECKOUT_SHA
  [ -z "$sha" ] || return 0
  case $ref in
  refs/*) return 0 ;;
  '')
    patiently names HEAD || fail "$WINDROW_CHECKOUT_REPOSITORY cannot be read"
    ref=$(sed -n 's/^ref: \\(refs\\/heads\\/.*\\)\\tHEAD$/\\1/p' "$HOME/names")
    [ -n "$ref" ] || fail "$WINDROW_CHECKOUT_REPOSITORY is empty: it has no default branch yet"
    ;;
  *)
    patiently names "refs/heads/$ref" "refs/tags/$ref" || fail "$WINDROW_CHECKOUT_REPOSITORY cannot be read"
    found=
    for kind in heads tags; do
      [ -n "$found" ] || ! cut -f2 "$HOME/names" | grep -qxF "refs/$kind/$ref" || found=refs/$kind/$ref
    done
    [ -n "$found" ] || fail "there is no branch or tag '$ref' in $WINDROW_CHECKOUT_REPOSITORY$WINDROW_CHECKOUT_HINT"
    ref=$found
    ;;
  esac
}

bring() {
  case $ref in
  refs/heads/*) branch=\${ref#refs/heads/} local="refs/remotes/origin/$branch" ;;
  refs/tags/*) branch= local=$ref ;;
  *) branch= local= ;;
  esac
  # names that git takes for an option or for what is checked out
  case $branch in -* | HEAD) branch= ;; esac
  if [ -n "$all" ]; then
    get "\${sha:-$ref}" "$all" || return 1
    case $local in refs/remotes/*) [ -z "$sha" ] || git update-ref "$local" "$sha" || return 1 ;; esac
  elif [ -n "$local" ]; then
    get "+\${sha:-$ref}:$local" || return 1
  else
    get "\${sha:-$ref}" || return 1
  fi
  if [ -n "$WINDROW_CHECKOUT_SPARSE" ]; then
    printf '%s\\n' "$WINDROW_CHECKOUT_SPARSE" | git sparse-checkout set "$WINDROW_CHECKOUT_CONE" --stdin || return 1
  fi
  target=\${local:-FETCH_HEAD}
  [ -z "$sha" ] || target=$sha
  [ -z "$WINDROW_CHECKOUT_LFS" ] || git lfs fetch origin "$(git rev-parse "$target^{commit}")" || return 1
  if [ -n "$branch" ]; then
    git checkout -q --force -B "$branch" "$target" -- || return 1
    git config --local "branch.$branch.remote" origin
    git config --local "branch.$branch.merge" "refs/heads/$branch"
  else
    git checkout -q --force --detach "$target" -- || return 1
  fi
}

mirror=$WINDROW_CHECKOUT_MIRROR
[ -d "$mirror/objects" ] || mirror=
useless=
begin
find_ref
if ! bring; then
  [ -n "$mirror" ] || fail "'\${sha:-$ref}' could not be fetched from $WINDROW_CHECKOUT_REPOSITORY"
  echo "The agent's own copy of $WINDROW_CHECKOUT_REPOSITORY is of no use; fetching everything"
  mirror=
  useless=true
  begin
  bring || fail "'\${sha:-$ref}' could not be fetched from $WINDROW_CHECKOUT_REPOSITORY"
fi

: > "$HOME/modules"
submodules() {
  [ -f .gitmodules ] && ! [ -L .gitmodules ] || return 0
  [ "$1" -le "$WINDROW_CHECKOUT_SUBMODULES_DEEP" ] ||
    fail "submodules are nested deeper than $WINDROW_CHECKOUT_SUBMODULES_DEEP"
  git submodule -q init
  git config --local --get-regexp '^submodule\\..*\\.url$' | sed 's/^[^ ]* //' > "$HOME/urls"
  while IFS= read -r url; do
    case $url in
    "$server/"*) ;;
    http://localhost* | https://localhost* | http://*.localhost* | https://*.localhost* | http://127.* | https://127.* | \\
      http://0* | https://0* | http://\\[* | https://\\[* | http://*@* | https://*@* | http://169.254.* | https://169.254.*)
      fail "a submodule is at '$url', which is not an address that a checkout asks"
      ;;
    http://* | https://*) ;;
    *) fail "a submodule is at '$url': only http and https are fetched" ;;
    esac
  done < "$HOME/urls"
  patiently git submodule -q update --force $depth ||
    fail "a submodule could not be fetched: a job reads repositories of this farm that let it, and public ones"
  git submodule -q foreach 'pwd -P' > "$HOME/at.$1"
  while IFS= read -r at; do
    case $at in "$here"/*) [ -d "$at" ] || continue ;; *) continue ;; esac
    printf '%s\\n' "$at" >> "$HOME/modules"
    [ "$(wc -l < "$HOME/modules")" -le "$WINDROW_CHECKOUT_SUBMODULES_MAX" ] ||
      fail "there are more than $WINDROW_CHECKOUT_SUBMODULES_MAX submodules"
    if [ -n "$WINDROW_CHECKOUT_LFS" ]; then (cd -P -- "$at" && git lfs pull); fi
    if [ "$WINDROW_CHECKOUT_SUBMODULES" = recursive ]; then (cd -P -- "$at" && submodules $(($1 + 1))) || exit 1; fi
  done < "$HOME/at.$1"
}
[ "$WINDROW_CHECKOUT_SUBMODULES" = false ] || submodules 1

if [ "$WINDROW_CHECKOUT_PERSIST" != false ]; then
  umask 077
  { echo "$here"; cat "$HOME/modules"; } > "$HOME/all"
  while IFS= read -r at; do
    config=$(cd -P -- "$at" && git rev-parse --absolute-git-dir)/config
    { header "$server" && header "$api"; } >> "$config"
    chmod 600 "$config"
    [ -z "$WINDROW_CHECKOUT_LFS" ] || [ "$at" != "$here" ] || lfs_settings >> "$config"
  done < "$HOME/all"
fi
# nothing of git runs where the container can write
move() {
  cd -P -- "$into"
  root=$(pwd -P)
  mkdir -p -- "$dir" || fail "the folder '$dir' cannot be made"
  cd -P -- "$dir"
  case "$(pwd -P)/" in "$root/"*) ;; *) fail "path '$dir' leads out of the workspace" ;; esac
  [ "$WINDROW_CHECKOUT_CLEAN" = false ] || { [ "$dir" = . ] && ! [ -e .git ]; } ||
    find . -mindepth 1 -maxdepth 1 -exec rm -rf -- {} + || fail "the workspace holds what only the container can remove"
  find "$here" -mindepth 1 -maxdepth 1 > "$HOME/entries"
  while IFS= read -r entry; do
    rm -rf -- "./\${entry##*/}" && mv -- "$entry" . || fail "'\${entry##*/}' cannot be put in its place in the workspace"
  done < "$HOME/entries"
}
if [ -n "$WINDROW_CHECKOUT_SAFE" ]; then
  HOME=$WINDROW_CHECKOUT_SAFE git config --global --add safe.directory "$here"
fi
if [ -n "\${GITHUB_OUTPUT:-}" ]; then
  printf 'commit=%s\\nref=%s\\n' "$(git rev-parse HEAD)" "\${WINDROW_CHECKOUT_REF:-\${sha:-$ref}}" >> "$GITHUB_OUTPUT"
  [ -z "$useless" ] || echo "${MIRROR_OUTPUT}=useless" >> "$GITHUB_OUTPUT"
fi
git log -1 --no-show-signature --format='HEAD is now at %H %s'
[ -z "$machine" ] || move
`;

/** Takes out of a checkout what later git commands of the job were given; a folder that is gone needs nothing. */
export const CHECKOUT_POST_SCRIPT = `set -uf
HOME=$(mktemp -d)
export HOME
trap 'rm -rf -- "$HOME"' EXIT
at=$WINDROW_CHECKOUT_WORKSPACE/$WINDROW_CHECKOUT_DIR/.git
[ -d "$at" ] && command -v git >/dev/null 2>&1 || exit 0
at=$(cd -P -- "$at" && pwd -P) || exit 0
cd /
find "$at" -type f -name config > "$HOME/configs"
while IFS= read -r config; do
  for url in "$WINDROW_CHECKOUT_SERVER" "$WINDROW_CHECKOUT_API"; do
    git config --file "$config" --unset-all "http.$url/.extraheader" 2>/dev/null || :
  done
done < "$HOME/configs"
echo "The credentials of the checkout are removed"
`;
