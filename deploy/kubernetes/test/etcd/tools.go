//go:build tools

// The etcd that build.sh builds: named here, so that go.sum holds everything
// that it imports.
package tools

import _ "go.etcd.io/etcd/server/v3"
