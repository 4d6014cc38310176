#!/usr/bin/env bash
# Starts a real Kubernetes cluster of $NODES nodes (1) on this machine: `up.sh [DIRECTORY]`. Each process listens on the
# loopback interface or on a bridge of the cluster's own. KUBECONFIG is DIRECTORY/kubeconfig; down.sh ends everything.
source "$(dirname "$0")/common.sh"
reason=$("$HERE/why_not.sh" "$DIRECTORY") || fail "$reason"
mkdir -p "$DIRECTORY"/{run,log,volumes,certs}
cd "$DIRECTORY"

network_plugins() {
    [ -z "${CNI:-}" ] || return 0
    CNI=$DIRECTORY/plugins/usr/lib/cni
    local kept=${XDG_CACHE_HOME:-$HOME/.cache}/changeover-cluster
    mkdir -p "$kept"
    compgen -G "$kept/containernetworking-plugins_*.deb" >/dev/null ||
        (cd "$kept" && apt-get download -qq containernetworking-plugins >"$DIRECTORY/log/apt.log" 2>&1) ||
        fail "the network plugins cannot be downloaded: apt-get update, or name their folder by CNI"
    dpkg -x "$(compgen -G "$kept/containernetworking-plugins_*.deb" | tail -1)" "$DIRECTORY/plugins"
}

bridge() {
    ip link add "$BRIDGE" type bridge
    ip address add "$NETWORK.1/24" dev "$BRIDGE"
    local number
    for number in $(seq 2 "$NODES"); do ip address add "$NETWORK.$number/24" dev "$BRIDGE"; done
    ip link set "$BRIDGE" up
    # What is meant for a Service never leaves by the way to the world, not even before kube-proxy has its rules.
    ip route add "$SERVICES" dev "$BRIDGE"
    # From pod to pod, whatever else is refused here (Docker refuses everything that it does not forward itself).
    iptables -I FORWARD -i "$BRIDGE" -o "$BRIDGE" -j ACCEPT
    echo 1 >/proc/sys/net/ipv4/ip_forward
    # Without it the answer of a pod to its neighbour would not pass the table that knows the address of the Service.
    ip link set "$BRIDGE" type bridge nf_call_iptables 1 2>/dev/null || true
}

control_plane() {
    openssl genrsa -out sa.key 2048 2>/dev/null
    openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
    local token
    token=$(openssl rand -hex 24)
    (umask 077 && echo "$token,admin,admin,\"system:masters\"" >tokens.csv && fill kubeconfig "TOKEN=$token" >kubeconfig)
    start etcd "$BIN/etcd" --data-dir etcd --listen-client-urls http://127.0.0.1:23790 --unsafe-no-fsync \
        --advertise-client-urls http://127.0.0.1:23790 --listen-peer-urls http://127.0.0.1:23800 \
        --initial-advertise-peer-urls http://127.0.0.1:23800 --initial-cluster default=http://127.0.0.1:23800
    start kube-apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:23790 --bind-address=127.0.0.1 \
        --secure-port=16443 --cert-dir=certs --service-cluster-ip-range="$SERVICES" --token-auth-file=tokens.csv \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=sa.pub \
        --service-account-signing-key-file=sa.key --authorization-mode=Node,RBAC --endpoint-reconciler-type=none \
        --allow-privileged=true --kubelet-preferred-address-types=InternalIP
    until_true 180 "a ready API server" kubectl get --raw /readyz
    local api="--kubeconfig=kubeconfig --authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig"
    # shellcheck disable=SC2086
    start kube-controller-manager "$BIN/kube-controller-manager" $api --leader-elect=false --bind-address=127.0.0.1 \
        --service-account-private-key-file=sa.key --root-ca-file=certs/apiserver.crt
    # shellcheck disable=SC2086
    start kube-scheduler "$BIN/kube-scheduler" $api --leader-elect=false --bind-address=127.0.0.1
}

node() {
    local name=$1 number=${1#node}
    local values=("NODE=$name" "ADDRESS=$NETWORK.$number" "HEALTH_PORT=$((10480 + number))" "CGROUP=/changeover-$name" "CNI=$CNI")
    mkdir -p "$name/cni"
    fill containerd.toml "${values[@]}" >"$name/containerd.toml"
    fill pods.conflist "${values[@]}" >"$name/cni/10-pods.conflist"
    fill kubelet.yaml "${values[@]}" >"$name/kubelet.yaml"
    start "containerd-$name" containerd --config "$name/containerd.toml"
    until_true 60 "a containerd that answers" ctr_of "$name" version
    local controller
    for controller in $(cgroups); do mkdir -p "$controller/changeover-$name"; done
    ctr_of "$name" images import pause.tar >/dev/null
    start "kubelet-$name" "$BIN/kubelet" --config "$name/kubelet.yaml" --kubeconfig kubeconfig --root-dir "$DIRECTORY/$name/kubelet" \
        --cert-dir "$DIRECTORY/$name/pki" --hostname-override "$name" --node-ip "$NETWORK.$number"
}

pause_image() {
    install -D -m 755 "$BIN/pause" pause/pause
    tar -C pause -c pause | docker import --change 'ENTRYPOINT ["/pause"]' --change 'USER 65535:65535' - changeover/pause:cluster >/dev/null
    docker save --output pause.tar changeover/pause:cluster
    docker rmi changeover/pause:cluster >/dev/null
}

network_plugins
bridge
pause_image
control_plane
for name in $(nodes); do node "$name"; done
for name in $(nodes); do until_true 180 "the registration of $name" kubectl get node "$name"; done
fill proxy.yaml "ADDRESS=$NETWORK.1" >proxy.yaml
start kube-proxy "$BIN/kube-proxy" --config proxy.yaml
fill Corefile >Corefile
start coredns "$BIN/coredns" -conf Corefile
for number in 1 2 3; do
    install -d -m 777 "volumes/$number"
    fill volume.yaml "NUMBER=$number" | kubectl apply -f - >/dev/null
done
for name in $(nodes); do
    kubectl wait --for=condition=Ready --timeout=180s "node/$name" >/dev/null || fail "$name is not ready: see $DIRECTORY/log"
done
echo "export KUBECONFIG=$KUBECONFIG"
