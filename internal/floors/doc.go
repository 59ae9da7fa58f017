// Package floors has no code, only the test that imports between the packages
// of this module point one way: down. Its table is the one of the design: each
// package stands on a floor and imports only what stands on a lower one.
package floors
