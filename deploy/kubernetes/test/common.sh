# Read by the scripts beside it: names, addresses and the start and end of a process of the cluster.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DIRECTORY=${1:-/var/lib/changeover-cluster}
NODES=${NODES:-1}
BIN=${BIN:-$(go env GOPATH 2>/dev/null || echo "$HOME/go")/bin}
PATH=$PATH:/usr/sbin:/sbin:$BIN
BRIDGE=changeover-k8s
NETWORK=10.244.0
PODS=$NETWORK.0/24
SERVICES=10.96.0.0/16
DNS=$NETWORK.1
# What kubelet and the network plugins write outside of $DIRECTORY, whatever their settings are. Where it was there
# before, the machine is a node of another cluster, and up.sh refuses.
OUTSIDE=(/var/lib/kubelet /var/lib/cni /var/log/containers)
export KUBECONFIG=$DIRECTORY/kubeconfig

fail() {
    echo "$*" >&2
    exit 1
}

# start NAME COMMAND...: in the background, its log and its process id below $DIRECTORY.
start() {
    local name=$1
    shift
    setsid "$@" >"$DIRECTORY/log/$name.log" 2>&1 </dev/null &
    echo $! >"$DIRECTORY/run/$name.pid"
}

# stop NAME...: SIGTERM, and SIGKILL to what is left after 15 s.
stop() {
    local name file pid
    for name; do
        file=$DIRECTORY/run/$name.pid
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 150); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
        rm -f "$file"
    done
}

# until_true SECONDS WHAT COMMAND...: call COMMAND until it succeeds.
until_true() {
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "$what did not come true within $seconds s: see the logs in $DIRECTORY/log"
        sleep 0.3
    done
}

# fill TEMPLATE NAME=VALUE...: a file of config/ with its @NAME@s replaced, on standard output.
fill() {
    local file=$1 pair
    shift
    local edits=()
    for pair in "DIRECTORY=$DIRECTORY" "PODS=$PODS" "DNS=$DNS" "BRIDGE=$BRIDGE" "GATEWAY=$NETWORK.1" "FIRST_POD=$NETWORK.20" "$@"; do
        edits+=(-e "s|@${pair%%=*}@|${pair#*=}|g")
    done
    sed "${edits[@]}" "$HERE/config/$file"
}

# in_node NODE COMMAND...: ctr, on the containerd of that node.
ctr_of() {
    local node=$1
    shift
    ctr --address "$DIRECTORY/$node/containerd.sock" --namespace k8s.io "$@"
}

nodes() {
    seq -f 'node%.0f' "$NODES"
}

# The mounted hierarchies of cgroups, of the first version, the second or both.
cgroups() {
    awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts
}
