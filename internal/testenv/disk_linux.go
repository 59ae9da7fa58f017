package testenv

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// mountMemory mounts a file system in memory, of so many bytes, at dir.
func mountMemory(dir, size string) error {
	return syscall.Mount("echoic-test", dir, "tmpfs", 0, "size="+size)
}

// unmount takes it away, also if a server that has not ended yet holds files.
func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }

// immutableFlag is FS_IMMUTABLE_FL of linux/fs.h.
const immutableFlag = 0x10

// immutable sets or clears the attribute by which the kernel refuses all writes to
// a file, also through descriptors that are open.
func immutable(path string, on bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	flags, err := unix.IoctlGetInt(int(file.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	if flags &^= immutableFlag; on {
		flags |= immutableFlag
	}
	return unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flags)
}
