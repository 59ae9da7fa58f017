//go:build !linux

package testenv

import "errors"

func mountMemory(string, string) error { return errors.ErrUnsupported }
func unmount(string) error             { return errors.ErrUnsupported }
func immutable(string, bool) error     { return errors.ErrUnsupported }
