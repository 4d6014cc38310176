#!/usr/bin/env bash
# Builds the binaries of the one-node test cluster into ~/go/bin (or $1): Kubernetes, etcd, CoreDNS,
# from the Go modules that the three go.sum files beside it pin, and the pause program of the same
# Kubernetes. About 13 minutes of one core with an empty build cache, 5 GB of Go's caches; seconds
# with a warm one. What is there in the right version is left alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${1:-$(go env GOPATH)/bin}
mkdir -p "$bin"
command -v go >/dev/null || { echo "build.sh needs Go 1.26 or later on PATH: see go.dev" >&2; exit 2; }
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:--p=1} -buildvcs=false"

kubernetes=$(awk '$1 == "require" && $2 == "k8s.io/kubernetes" {print $3}' "$here/kube/go.mod")
minor=${kubernetes#v1.}
minor=${minor%%.*}
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor"

# build WRAPPER NAME PACKAGE: into a file beside, renamed when whole, so that a killed build leaves no half.
build() {
    echo "$(date +%T) $2"
    (cd "$here/$1" && go build -trimpath -ldflags "$flags" -o "$bin/.$2" "$3")
    mv "$bin/.$2" "$bin/$2"
}

for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do
    build kube "$name" "k8s.io/kubernetes/cmd/$name"
done
build etcd etcd go.etcd.io/etcd/server/v3
build coredns coredns .
command -v kubectl >/dev/null || build kube kubectl k8s.io/kubernetes/cmd/kubectl
module=$(cd "$here/kube" && go list -m -f '{{.Dir}}' k8s.io/kubernetes)
gcc -Os -static -DVERSION="$kubernetes" -o "$bin/pause" "$module/build/pause/linux/pause.c"
echo "$(date +%T) all built into $bin"
