#!/usr/bin/env bash
# Ends the cluster of up.sh and removes all of it: `down.sh [DIRECTORY]`. It goes on whatever is gone already.
source "$(dirname "$0")/common.sh"
set +e
[ -d "$DIRECTORY/run" ] || { echo "no test cluster in $DIRECTORY"; exit 0; }
NODES=$(find "$DIRECTORY" -maxdepth 1 -name 'node*' -type d | wc -l)

# Pods first, while something ends them in an orderly way.
if kubectl get --raw /livez --request-timeout=5s >/dev/null 2>&1; then
    kubectl delete namespaces --all --wait=false >/dev/null 2>&1
    kubectl delete pods --all --all-namespaces --grace-period=5 --timeout=60s >/dev/null 2>&1
fi
stop coredns
for name in $(nodes); do stop "kubelet-$name"; done
stop kube-scheduler kube-controller-manager kube-apiserver etcd
for name in $(nodes); do
    for task in $(ctr_of "$name" tasks list --quiet 2>/dev/null); do ctr_of "$name" tasks kill --signal SIGKILL "$task" 2>/dev/null; done
    for container in $(ctr_of "$name" containers list --quiet 2>/dev/null); do
        for _ in $(seq 20); do
            ctr_of "$name" tasks delete --force "$container" >/dev/null 2>&1
            ctr_of "$name" containers delete "$container" >/dev/null 2>&1
            ctr_of "$name" containers info "$container" >/dev/null 2>&1 || break
            sleep 0.2
        done
    done
    stop "containerd-$name"
done
stop kube-proxy
[ ! -x "$BIN/kube-proxy" ] || "$BIN/kube-proxy" --config "$DIRECTORY/proxy.yaml" --cleanup >/dev/null 2>&1

# A shim outlives its containerd on purpose.
for pid in $(pgrep -f "containerd-shim.* -address $DIRECTORY/"); do kill -9 "$pid"; done
awk -v below="$DIRECTORY/" 'index($2, below) == 1 {print $2}' /proc/mounts | sort -r | while read -r mount; do umount "$mount" || umount -l "$mount"; done
iptables -D FORWARD -i "$BRIDGE" -o "$BRIDGE" -j ACCEPT 2>/dev/null
ip link delete "$BRIDGE" 2>/dev/null
for controller in $(cgroups); do
    for group in "$controller"/changeover-node*; do
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} \;
    done
done
# Network namespaces of pods that nothing ended in an orderly way: up.sh has made sure that no other cluster has any.
for space in /run/netns/cni-*; do
    [ ! -e "$space" ] || ip netns delete "$(basename "$space")"
done
rm -rf "$DIRECTORY" "${OUTSIDE[@]}"
