#!/bin/sh
# Builds the image of agents that are containers, from Debian packages and this checkout; nothing is pulled.
#
#   deploy/agent-image/build.sh [--tag windrow-agent:latest] [--packages "python3 python3-pip"] [--suite bookworm]
#                               [--base IMAGE | --base-tar FILE]
#
#   --tag        what the image is called
#   --packages   more Debian packages: the tools of a language
#   --suite      the Debian release
#   --base       an image to stand on, instead of one of Debian packages
#   --base-tar   the same as a tar archive of a root file system (mmdebstrap makes one)
#
# Needs the docker command (DOCKER_HOST says which engine), the checkout with its dependencies, and mmdebstrap unless a base
# is given. As root, or where mmdebstrap may use user namespaces.
set -eu

tag=windrow-agent:latest
packages=
suite=bookworm
base=
base_tar=
while [ $# -gt 0 ]; do
  case $1 in
    --tag | --packages | --suite | --base | --base-tar) ;;
    *)
      echo "build.sh: unknown word: $1" >&2
      exit 3
      ;;
  esac
  [ $# -ge 2 ] || { echo "build.sh: $1 takes a value" >&2; exit 3; }
  case $1 in
    --tag) tag=$2 ;;
    --packages) packages=$2 ;;
    --suite) suite=$2 ;;
    --base) base=$2 ;;
    --base-tar) base_tar=$2 ;;
  esac
  shift 2
done

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
node=$root/node_modules/.bin/node
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if [ -z "$base" ]; then
  base=${tag%:*}-base:$suite
  if [ -z "$base_tar" ]; then
    base_tar=$work/base.tar
    include=bash,ca-certificates,git,openssh-client,procps,tini,util-linux,xz-utils
    for package in $packages; do include=$include,$package; done
    echo "making the base image $base of Debian $suite" >&2
    mmdebstrap --variant=minbase --include="$include" "$suite" "$base_tar"
  fi
  docker import "$base_tar" "$base" > /dev/null
fi

echo "bundling the agent" >&2
mkdir -p "$work/bundles" "$work/context"
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/packages/agent/package.json")
"$node" "$root/packages/controller/src/install/build-bundles-process.ts" "$work/bundles" "$version" > "$work/facts.json"
platform=linux-$("$node" -p process.arch)
read_fact() {
  "$node" -p "JSON.parse(require('node:fs').readFileSync('$work/facts.json', 'utf8')).find((b) => b.platform === '$platform').$1"
}
agent=$work/context/agent
mkdir -p "$agent/versions/$(read_fact version)"
tar -xzf "$work/bundles/$(read_fact sha256).tar.gz" -C "$agent/versions/$(read_fact version)"
ln -s "versions/$(read_fact version)" "$agent/current"

# the classic builder runs nothing for this file, and so needs no network
DOCKER_BUILDKIT=0 docker build --quiet --build-arg BASE="$base" --tag "$tag" --file "$here/Dockerfile" "$work/context" > /dev/null
echo "$tag"
