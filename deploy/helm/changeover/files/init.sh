#!/bin/bash
# The bucket, two users and what each may do. Runs at every `up`, changes nothing that is already so.
# Needs: mc, the store's address in STORE_URL (http://host:port), BUCKET, LOCK_DAYS, and the secrets below /run/secrets.
# The store's image has bash and little else: no sed, no grep.
set -euo pipefail
SECRETS=${SECRETS:-/run/secrets}
INIT=${INIT:-/init}
SCRATCH=${SCRATCH:-/tmp}
DAYS=${LOCK_DAYS:-30}
secret() { cat "${SECRETS}/$1"; }
MC_HOST_store="http://$(secret root_access_key):$(secret root_secret_key)@${STORE_URL#http://}"
export MC_HOST_store

# quietly COMMAND...: what it says is shown if it fails, but an error that only says "it is so already" is none.
quietly() {
  local said
  if said=$(mc --quiet --no-color "$@" 2>&1) || [[ $said == *"already in effect"* ]]; then return; fi
  printf 'store_init: mc %s %s %s failed: %s\n' "$1" "$2" "${3:-}" "$said" >&2
  return 1
}

quietly mb --ignore-existing --with-lock "store/${BUCKET}"
# A bucket keeps what is overwritten or deleted. With a lock (which a bucket has from its making or never), no key of a
# service can remove that before DAYS have passed.
quietly version enable "store/${BUCKET}"
lock=none
if mc --quiet retention set --default governance "${DAYS}d" "store/${BUCKET}" >/dev/null 2>&1; then lock="${DAYS}d"; fi
lifecycle=$(cat "${INIT}/lifecycle.json")
printf '%s' "${lifecycle//@DAYS@/${DAYS}}" >"${SCRATCH}/lifecycle.json"
quietly ilm rule import "store/${BUCKET}" <"${SCRATCH}/lifecycle.json"
for user in model_server publisher; do
  policy=$(cat "${INIT}/${user}.policy.json")
  printf '%s' "${policy//@BUCKET@/${BUCKET}}" >"${SCRATCH}/${user}.json"
  quietly admin policy create store "$user" "${SCRATCH}/${user}.json"
  # the keys go in by standard input: arguments can be read by others
  printf '%s\n%s\n' "$(secret "${user}_access_key")" "$(secret "${user}_secret_key")" | quietly admin user add store
  quietly admin policy attach store "$user" --user "$(secret "${user}_access_key")"
done
echo "store.ready bucket=${BUCKET} lock=${lock}"
