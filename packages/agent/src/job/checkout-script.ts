/**
 * Runs as the job's user. Everything it is told comes in WINDROW_CHECKOUT_*; git reads no configuration but the
 * repository's own, runs no hook, and speaks http alone.
 */
export const CHECKOUT_SCRIPT = `set -euf
[ -z "$WINDROW_CHECKOUT_SAY" ] || printf '%s\\n' "$WINDROW_CHECKOUT_SAY"
fail() { echo "::error::checkout: $1"; exit 1; }
command -v git >/dev/null 2>&1 || fail "git is not installed on this agent"
mkdir -p -- "$WINDROW_CHECKOUT_DIR"
cd -- "$WINDROW_CHECKOUT_DIR"
if [ -d .git ]; then
  [ "$WINDROW_CHECKOUT_CLEAN" = false ] || { git clean -ffdx >/dev/null; git reset --hard >/dev/null 2>&1 || :; }
else
  if [ "$WINDROW_CHECKOUT_CLEAN" != false ] && [ "$WINDROW_CHECKOUT_DIR" != . ]; then
    find . -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +
  fi
  git init -q --template= .
fi
git remote remove origin >/dev/null 2>&1 || :
git remote add origin "$WINDROW_CHECKOUT_URL"
git config --local gc.auto 0
depth=
[ "$WINDROW_CHECKOUT_DEPTH" = 0 ] || depth="--depth=$WINDROW_CHECKOUT_DEPTH"
tags=--no-tags
[ "$WINDROW_CHECKOUT_DEPTH" != 0 ] || tags=--tags
[ "$WINDROW_CHECKOUT_TAGS" != true ] || tags=--tags
get() { git fetch -q --no-recurse-submodules --force $tags $depth origin "$@"; }
all='+refs/heads/*:refs/remotes/origin/*'
[ "$WINDROW_CHECKOUT_DEPTH" = 0 ] || all=
ref=$WINDROW_CHECKOUT_REF
sha=$WINDROW_CHECKOUT_SHA
if [ -z "$sha" ]; then
  case $ref in
    refs/*) found=$ref ;;
    *) found=$(git ls-remote -q origin "refs/heads/$ref" "refs/tags/$ref" | cut -f2 | head -n 1) ;;
  esac
  [ -n "$found" ] || fail "there is no branch or tag '$ref' in $WINDROW_CHECKOUT_REPOSITORY"
  ref=$found
fi
case $ref in
  refs/heads/*) branch=\${ref#refs/heads/}; local="refs/remotes/origin/$branch" ;;
  refs/tags/*) branch=; local=$ref ;;
  *) branch=; local= ;;
esac
if [ -n "$all" ]; then
  get "\${sha:-$ref}" "$all" || fail "'\${sha:-$ref}' could not be fetched"
  case $local in refs/remotes/*) [ -z "$sha" ] || git update-ref "$local" "$sha" ;; esac
elif [ -n "$local" ]; then
  get "+\${sha:-$ref}:$local" || fail "'\${sha:-$ref}' could not be fetched"
else
  get "\${sha:-$ref}" || fail "'\${sha:-$ref}' could not be fetched"
fi
if [ -n "$WINDROW_CHECKOUT_SPARSE" ]; then
  printf '%s\\n' "$WINDROW_CHECKOUT_SPARSE" | git sparse-checkout set "$WINDROW_CHECKOUT_CONE" --stdin
else
  git sparse-checkout disable >/dev/null 2>&1 || :
fi
target=\${local:-\${sha:-FETCH_HEAD}}
[ -z "$sha" ] || target=$sha
if [ -n "$branch" ]; then
  git checkout -q --force -B "$branch" "$target"
  git config --local "branch.$branch.remote" origin
  git config --local "branch.$branch.merge" "refs/heads/$branch"
else
  git checkout -q --force --detach "$target"
fi
if [ "$WINDROW_CHECKOUT_PERSIST" != false ]; then
  umask 077
  printf '[http "%s/"]\\n\\textraheader = AUTHORIZATION: basic %s\\n' "$WINDROW_CHECKOUT_SERVER" "$WINDROW_CHECKOUT_BASIC" >> .git/config
fi
if [ "$WINDROW_CHECKOUT_SUBMODULES" != false ] && [ -f .gitmodules ]; then
  deep=
  [ "$WINDROW_CHECKOUT_SUBMODULES" != recursive ] || deep=--recursive
  git submodule sync -q $deep
  git submodule update -q --init --force $depth $deep || fail "a submodule could not be fetched: a job reaches its own repository and public ones only"
fi
git log -1 --format='HEAD is now at %H %s'
`;
