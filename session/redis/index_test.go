package redis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
)

// userHash finds the only hash of a user.
func userHash(t *testing.T, conn redigo.Conn, prefix string) string {
	t.Helper()
	keys, err := redigo.Strings(conn.Do("KEYS", strings.TrimSuffix(prefix, ":")+"-by-user:*"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("hashes of users: %q, %v", keys, err)
	}
	return keys[0]
}

// TestIndexIsRepaired: what is noted and not there goes when it is read, unless it
// may be about to come, and with it revocations that are over.
func TestIndexIsRepaired(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	prefix := server.Prefix + "s:"
	s := openStore(t, server.URL, prefix)
	conn := openPool(t, server.URL).Get()
	defer conn.Close()
	expiry := time.Now().Add(time.Hour)
	owner := session.Owner{User: "u", Login: "l", Since: 1, Until: expiry}
	for _, key := range []string{"there", "gone"} {
		if _, err := s.Insert(t.Context(), key, session.Record{Data: []byte("x"), Expiry: expiry, Owner: owner}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Remove(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	hash := userHash(t, conn, prefix)
	long := fmt.Sprint(time.Now().Add(-time.Hour).UnixMicro())
	if _, err := conn.Do("HSET", hash, "s:lost", long, "l:over", long, "l:kept", fmt.Sprint(expiry.UnixMicro())); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range s.Owned(t.Context(), "u") {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	left, err := redigo.StringMap(conn.Do("HGETALL", hash))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]bool{"s:there": true, "s:gone": true, "s:lost": false, "l:over": false, "l:kept": true} {
		if _, there := left[field]; there != want {
			t.Errorf("%s: %v, want %v (all: %v)", field, there, want, left)
		}
	}
	if n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
	if ttl, err := redigo.Int64(conn.Do("PTTL", hash)); err != nil || ttl < time.Hour.Milliseconds()-60_000 || ttl > 2*time.Hour.Milliseconds() {
		t.Errorf("the hash lives for %d ms, %v: want about as long as its sessions", ttl, err)
	}
}

// TestIndexIsBounded: who logs in and out all day leaves little behind.
func TestIndexIsBounded(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	prefix := server.Prefix + "s:"
	s := openStore(t, server.URL, prefix)
	conn := openPool(t, server.URL).Get()
	defer conn.Close()
	owner := session.Owner{User: "u", Login: "l", Since: 1, Until: time.Now().Add(time.Hour)}
	insert := func(key string) {
		if _, err := s.Insert(t.Context(), key, session.Record{Data: []byte("x"), Expiry: owner.Until, Owner: owner}); err != nil {
			t.Fatal(err)
		}
	}
	insert("first")
	hash := userHash(t, conn, prefix)
	long := fmt.Sprint(time.Now().Add(-time.Hour).UnixMicro())
	for n := range 1000 {
		if _, err := conn.Do("HSET", hash, fmt.Sprint("s:gone", n), long); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 64 {
		insert(fmt.Sprint("key", n))
	}
	if n, err := redigo.Int(conn.Do("HLEN", hash)); err != nil || n > 200 {
		t.Errorf("%d fields, %v", n, err)
	}
}
