// Package cache is the core of Echoic.
package cache
