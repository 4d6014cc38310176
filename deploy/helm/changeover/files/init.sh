#!/bin/bash
# The bucket, two users and what each may do. Runs at every `up`, changes nothing that is already so.
# Needs: mc, the store's address in STORE_URL (http://host:port), BUCKET, and the secrets below /run/secrets.
# The store's image has bash and little else: no sed, no grep.
set -euo pipefail
secret() { cat "/run/secrets/$1"; }
MC_HOST_store="http://$(secret root_access_key):$(secret root_secret_key)@${STORE_URL#http://}"
export MC_HOST_store

# quietly COMMAND...: what it says is shown if it fails, but an error that only says "it is so already" is none.
quietly() {
  local said
  if said=$(mc --quiet --no-color "$@" 2>&1) || [[ $said == *"already in effect"* ]]; then return; fi
  printf 'store_init: mc %s %s %s failed: %s\n' "$1" "$2" "${3:-}" "$said" >&2
  return 1
}

quietly mb --ignore-existing "store/${BUCKET}"
for user in model_server publisher; do
  policy=$(cat "/init/${user}.policy.json")
  printf '%s' "${policy//@BUCKET@/${BUCKET}}" >"/tmp/${user}.json"
  quietly admin policy create store "$user" "/tmp/${user}.json"
  # the keys go in by standard input: arguments can be read by others
  printf '%s\n%s\n' "$(secret "${user}_access_key")" "$(secret "${user}_secret_key")" | quietly admin user add store
  quietly admin policy attach store "$user" --user "$(secret "${user}_access_key")"
done
echo "store.ready bucket=${BUCKET}"
