package server

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// postgresUser is whom Postgres runs as: nil for the current user, and an
// unprivileged one when the current user is root, as whom Postgres refuses to
// run.
func postgresUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("server: Postgres does not run as root and neither user postgres nor nobody exists; " +
		"create one (useradd --system postgres) or run as another user")
}

// chown gives the files to cred, or leaves them where cred is nil.
func chown(cred *syscall.Credential, paths ...string) error {
	if cred == nil {
		return nil
	}
	for _, path := range paths {
		if err := os.Chown(path, int(cred.Uid), int(cred.Gid)); err != nil {
			return err
		}
	}
	return nil
}
