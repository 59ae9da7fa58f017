package chaos

import "syscall"

// mountMemory mounts a file system in memory, of so many bytes, at dir.
func mountMemory(dir, size string) error {
	return syscall.Mount("chaos", dir, "tmpfs", 0, "size="+size)
}

// unmount takes it away, also if a server that has not ended yet holds files.
func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
