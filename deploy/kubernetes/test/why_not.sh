#!/usr/bin/env bash
# Why this machine cannot run the test cluster: one reason on standard output and exit code 1; nothing and 0 if it can.
source "$(dirname "$0")/common.sh"

no() {
    echo "$*"
    exit 1
}

[ "$(uname -s)" = Linux ] || no "the test cluster needs Linux"
[ "$(id -u)" = 0 ] || no "the test cluster needs root: it makes a bridge, cgroups and mounts"
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy etcd coredns pause; do
    [ -x "$BIN/$name" ] || no "$name is not in $BIN: run deploy/kubernetes/test/build.sh"
done
for name in kubectl containerd ctr runc nft iptables ip docker openssl; do
    command -v "$name" >/dev/null || no "$name is not on the PATH"
done
command -v apt-get >/dev/null || [ -n "${CNI:-}" ] || no "no apt-get for the network plugins: name their folder by CNI"
docker info >/dev/null 2>&1 || no "the Docker engine, which builds the images, does not answer"
if [ -e "$DIRECTORY/run" ]; then no "a test cluster is running in $DIRECTORY: down.sh ends it"; fi
for path in "${OUTSIDE[@]}"; do
    [ ! -e "$path" ] || no "$path exists: this machine is a node of a cluster, or down.sh was not run"
done
if ip link show "$BRIDGE" >/dev/null 2>&1; then no "the bridge $BRIDGE exists: run down.sh"; fi
for port in 16443 23790 23800; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then no "port $port of the loopback interface is taken"; fi
done
