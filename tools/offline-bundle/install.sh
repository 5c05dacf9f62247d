#!/bin/sh
# Installs this bundle into a folder, without network and without npm: sh, tar and Node 20.19+ (or the one in here).
#   ./install.sh /opt/revoxel && /opt/revoxel/bin/revoxel doctor
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-}
if [ -z "$target" ]; then
  echo "usage: $0 FOLDER" >&2
  exit 2
fi
if [ -e "$target" ] && [ -n "$(ls -A "$target")" ]; then
  echo "install.sh: $target is not empty; choose another folder or delete it first" >&2
  exit 1
fi
mkdir -p "$target/bin"
target=$(cd "$target" && pwd)

if [ -d "$here/files" ]; then cp -R "$here/files/." "$target/"; fi
if [ -x "$target/bin/node" ]; then
  node=$target/bin/node
elif command -v node >/dev/null 2>&1; then
  node=$(command -v node)
else
  echo 'install.sh: no node on the PATH; install Node 20.19 or newer, or make the bundle with --node PATH' >&2
  exit 1
fi
if ! "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "install.sh: $node is $("$node" --version 2>&1 | head -n 1); Node 20.19 or newer is needed" >&2
  exit 1
fi

while read -r tarball place; do
  mkdir -p "$target/$place"
  tar -xzf "$here/packages/$tarball" -C "$target/$place" --strip-components=1
done <"$here/layout.txt"

while read -r command file; do
  {
    echo '#!/bin/sh'
    echo 'top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)'
    echo 'if [ -x "$top/bin/node" ]; then node=$top/bin/node; else node=node; fi'
    echo "exec \"\$node\" \"\$top/$file\" \"\$@\""
  } >"$target/bin/$command"
  chmod +x "$target/bin/$command"
done <"$here/commands.txt"

echo "installed: $target/bin/revoxel ($("$target/bin/revoxel" --version)); try: $target/bin/revoxel doctor"
