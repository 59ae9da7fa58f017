// Package threats has no code, only tests that attack a small site from outside:
// bytes that are no request, users who do things in any order, texts that want to
// be lines of a log. docs/SECURITY.md lists them beside the tests of the packages.
package threats
