#!/usr/bin/env bash
# Makes the secrets that docker-compose.yml hands out, each a file; what is there already is left as it is.
# The folder is closed to all but its owner. The files in it are open, since processes of other users read them in
# containers, where each sees its own alone.
set -euo pipefail
folder=${1:?"usage: scripts/secrets.sh FOLDER"}

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

make_file() {
  [ -e "$folder/$1" ] || (umask 022 && printf '%s\n' "$2" >"$folder/$1")
}

mkdir -p "$folder"
chmod 700 "$folder"
mkdir -p "$folder/model-keys" "$folder/oidc"
chmod 755 "$folder/model-keys" "$folder/oidc"
make_file postgres_password "$(random)"
make_file owner_url "postgresql://galapagos:$(cat "$folder/postgres_password")@/galapagos?host=/var/run/postgresql"
for kind in server controller workers evaluators; do
  make_file "${kind}_url" "postgresql://galapagos_$kind:$(random)@/galapagos?host=/var/run/postgresql"
done
make_file models.toml "# The models that runs may ask, a table [[models]] each: docs/settings.md. Keys are files in model-keys."
