#!/usr/bin/env bash
# Runs whichever Compose this machine has with the arguments given. Of them `up` makes the secrets first and waits until all is
# well, and `backup FILE` and `restore FILE` are our own (docs/deployment.md).
set -euo pipefail
cd "$(dirname "$0")/.."

if docker compose version >/dev/null 2>&1; then
  compose=(docker compose)
elif command -v docker-compose >/dev/null; then
  compose=(docker-compose)
else
  echo "expected Docker with Compose (docker compose, or docker-compose 1.29); install one: sudo apt-get install -y docker-compose" >&2
  exit 1
fi

# A variable as Compose reads it: that of the environment goes before one of .env.
variable() {
  printenv "$1" || { [ ! -r .env ] || sed -n "s/^$1=//p" .env | tail -n 1; }
}

# Those that use the database.
processes=(server controller workers evaluators)
case ",$(variable COMPOSE_PROFILES)," in
  *,gpu,*) processes+=(evaluators-gpu) ;;
esac

# Runs a shell command beside Postgres, as the owner of the database.
as_owner() {
  "${compose[@]}" exec -T postgres sh -euc "export PGPASSWORD=\$(cat /run/secrets/postgres_password) PGUSER=galapagos; $1"
}

# A migration may take away what processes of the version before still use: they end before it begins.
stop_those_of_another_version() {
  local container
  for container in $("${compose[@]}" ps -q "${processes[@]}"); do
    if [ "$(docker inspect --format '{{.Image}}' "$container")" != "$(newest_image "$container")" ]; then
      "${compose[@]}" stop "${processes[@]}"
      return
    fi
  done
}

newest_image() {
  docker image inspect --format '{{.Id}}' "$(docker inspect --format '{{.Config.Image}}' "$1")"
}

case ${1:-} in
  backup)
    file=${2:?"usage: make backup FILE=where to write"}
    # Beside its place first: what is cut off is no backup.
    as_owner "exec pg_dump --format=custom galapagos" >"$file.part"
    mv "$file.part" "$file"
    exit
    ;;
  restore)
    file=${2:?"usage: make restore FILE=what make backup wrote"}
    [ -r "$file" ] || { echo "expected a file that can be read; got $file; name one that make backup wrote" >&2; exit 2; }
    "${compose[@]}" stop "${processes[@]}"
    # Beside what is there: only when all of it was read does it take the other's place.
    as_owner "dropdb --if-exists galapagos_restored; createdb galapagos_restored"
    as_owner "exec pg_restore --no-privileges --exit-on-error -d galapagos_restored" <"$file"
    as_owner "psql -q -v ON_ERROR_STOP=1 -d postgres -c 'DROP DATABASE galapagos WITH (FORCE)' \
      -c 'ALTER DATABASE galapagos_restored RENAME TO galapagos'"
    set -- up
    ;;
esac

if [ "${1:-}" != up ]; then
  exec "${compose[@]}" "$@"
fi

folder=$(variable SECRETS)
folder=${folder:-./secrets}
scripts/secrets.sh "$folder"
options=()
for option in "${@:2}"; do
  if [ "$option" = --build ]; then
    "${compose[@]}" build
  else
    options+=("$option")
  fi
done
if [ ! -e "$folder/first_token" ]; then
  # The service refuses to be reached by others before anybody has a token. Compose 1.29 tells there of what it builds, too.
  if (umask 077 && "${compose[@]}" run --rm -T admin people first admin | grep -x 'gal_[A-Za-z0-9_-]*' >"$folder/first_token.part"); then
    mv "$folder/first_token.part" "$folder/first_token"
    echo "the token of the first administrator, whose name is admin, is in $folder/first_token" >&2
  else
    rm -f "$folder/first_token.part"
    echo "no token was made: see above; if people are there already, this is as it should be" >&2
  fi
fi
stop_those_of_another_version
"${compose[@]}" up --detach ${options[@]+"${options[@]}"}

deadline=$((SECONDS + 120))
while :; do
  waiting=()
  for container in $("${compose[@]}" ps -q); do
    state=$(docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.ExitCode}}' "$container")
    case $state in
      "running healthy "* | "exited "*" 0") ;;
      *) waiting+=("$(docker inspect --format '{{.Name}}' "$container"): $state") ;;
    esac
  done
  [ ${#waiting[@]} -gt 0 ] || break
  if [ $SECONDS -gt $deadline ]; then
    printf 'not well after 120 s: %s\n' "${waiting[@]}" >&2
    echo "look at the logs: ${compose[*]} logs" >&2
    exit 1
  fi
  sleep 1
done
