#!/usr/bin/env bash
# Runs whichever Compose this machine has with the arguments given; `up` makes the secrets first and waits until all is well.
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

if [ "${1:-}" = down ]; then
  # Those that write go before what they write to, whatever order Compose would choose.
  "${compose[@]}" stop server controller workers evaluators
fi
if [ "${1:-}" != up ]; then
  exec "${compose[@]}" "$@"
fi

# As Compose reads it: a variable of the environment goes before one of .env.
folder=${SECRETS:-$(sed -n 's/^SECRETS=//p' .env 2>/dev/null | tail -n 1)}
scripts/secrets.sh "${folder:-./secrets}"
"${compose[@]}" up --detach "${@:2}"

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
