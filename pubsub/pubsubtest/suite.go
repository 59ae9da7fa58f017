// Package pubsubtest is the conformance suite of pubsub.Driver: one subtest for
// each sentence of the contract.
//
//	func TestDriver(t *testing.T) {
//		pubsubtest.Run(t, func(t *testing.T) pubsubtest.Env {
//			return pubsubtest.Env{Open: func() pubsub.Driver { return open(t) }}
//		})
//	}
package pubsubtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/pubsub"
)

// Env is where one subtest runs.
type Env struct {
	// Open returns a driver of another process: it shares nothing with those
	// before but the server. It is closed by whoever made it.
	Open func() pubsub.Driver
	// Cut ends the connections of all drivers, and lets them connect again. Nil:
	// there is nothing to cut.
	Cut func()
}

// patience is how long the suite waits for what must happen.
const patience = 30 * time.Second

// Run tests drivers. environment is called for each subtest.
func Run(t *testing.T, environment func(t *testing.T) Env) {
	for _, rule := range []struct {
		name string
		test func(t *testing.T, env Env)
	}{
		{"a message reaches the subscribers of all processes", reaches},
		{"payloads and names are any bytes and any text", anything},
		{"the messages of a publisher keep their order", ordered},
		{"a subscriber hears its channels and no others", selective},
		{"prefixes do not hear each other", prefixes},
		{"nothing is kept for those who come later", unkept},
		{"a slow subscriber loses the oldest and is told", overflow},
		{"what does not fit is refused", refused},
		{"Close ends what waits", closes},
		{"many subscribe and leave at the same time", crowd},
		{"after a cut subscribers are told, and hear again", cut},
	} {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			rule.test(t, environment(t))
		})
	}
}

// RunCut tests only what a cut does, for environments that are dear.
func RunCut(t *testing.T, environment func(t *testing.T) Env) { cut(t, environment(t)) }

func open(t *testing.T, env Env, edit func(*pubsub.Config)) *pubsub.PubSub {
	t.Helper()
	cfg := pubsub.Config{Driver: env.Open(), Patience: patience, Prefix: "p" + rand.Text()}
	if edit != nil {
		edit(&cfg)
	}
	bus, err := pubsub.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, bus.Close()) })
	return bus
}

// pair is two processes of one site.
func pair(t *testing.T, env Env) (a, b *pubsub.PubSub) {
	t.Helper()
	prefix := "p" + rand.Text()
	same := func(cfg *pubsub.Config) { cfg.Prefix = prefix }
	return open(t, env, same), open(t, env, same)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func subscribe(t *testing.T, bus *pubsub.PubSub, channels ...string) *pubsub.Subscription {
	t.Helper()
	sub, err := bus.Subscribe(t.Context(), channels...)
	must(t, err)
	t.Cleanup(func() { must(t, sub.Close()) })
	return sub
}

func publish(t *testing.T, bus *pubsub.PubSub, channel, payload string) {
	t.Helper()
	must(t, bus.Publish(t.Context(), channel, []byte(payload)))
}

func receive(t *testing.T, sub *pubsub.Subscription) pubsub.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := sub.Receive(ctx)
	must(t, err)
	return m
}

func expect(t *testing.T, sub *pubsub.Subscription, channel, payload string) {
	t.Helper()
	if m := receive(t, sub); m.Missed || m.Channel != channel || string(m.Payload) != payload {
		t.Fatalf("received %q %.80q (missed: %v), want %q %.80q", m.Channel, m.Payload, m.Missed, channel, payload)
	}
}

func reaches(t *testing.T, env Env) {
	a, b := pair(t, env)
	here, there, again := subscribe(t, a, "news"), subscribe(t, b, "news"), subscribe(t, b, "news")
	publish(t, a, "news", "1")
	for _, sub := range []*pubsub.Subscription{here, there, again} {
		expect(t, sub, "news", "1")
	}
	publish(t, b, "news", "2")
	for _, sub := range []*pubsub.Subscription{here, there, again} {
		expect(t, sub, "news", "2")
	}
}

func anything(t *testing.T, env Env) {
	a, b := pair(t, env)
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	for _, channel := range []string{"c", "Größe:日本 {x} *?[a]", `"quoted'; DROP`, strings.Repeat("n", 200)} {
		sub := subscribe(t, b, channel)
		for _, payload := range []string{"", "text", "日本", "nul\x00", "\xff\xfe", string(binary), strings.Repeat("x", 5000)} {
			publish(t, a, channel, payload)
			expect(t, sub, channel, payload)
		}
	}
}

func ordered(t *testing.T, env Env) {
	a, b := pair(t, env)
	sub := subscribe(t, b, "x", "y")
	for i := range 100 {
		publish(t, a, []string{"x", "y"}[i%2], fmt.Sprint(i))
	}
	for i := range 100 {
		expect(t, sub, []string{"x", "y"}[i%2], fmt.Sprint(i))
	}
}

func selective(t *testing.T, env Env) {
	a, b := pair(t, env)
	first, both := subscribe(t, b, "first"), subscribe(t, b, "first", "second", "first")
	publish(t, a, "third", "no")
	publish(t, a, "second", "2")
	publish(t, a, "first", "1")
	expect(t, first, "first", "1")
	expect(t, both, "second", "2")
	expect(t, both, "first", "1")
	must(t, both.Close())
	publish(t, a, "second", "nobody")
	publish(t, a, "first", "still")
	expect(t, first, "first", "still")
	again := subscribe(t, b, "second")
	publish(t, a, "second", "again")
	expect(t, again, "second", "again")
}

func prefixes(t *testing.T, env Env) {
	a, b := open(t, env, nil), open(t, env, nil)
	sub := subscribe(t, b, "news")
	publish(t, a, "news", "of another site")
	publish(t, b, "news", "own")
	expect(t, sub, "news", "own")
}

func unkept(t *testing.T, env Env) {
	a, b := pair(t, env)
	publish(t, a, "news", "old")
	sub := subscribe(t, b, "news")
	publish(t, a, "news", "new")
	expect(t, sub, "news", "new")
}

func overflow(t *testing.T, env Env) {
	prefix := "p" + rand.Text()
	small := func(cfg *pubsub.Config) { cfg.Prefix, cfg.Buffer, cfg.BufferBytes = prefix, 3, 4096 }
	bus := open(t, env, small)
	slow, quick := subscribe(t, bus, "news"), subscribe(t, bus, "news")
	for i := range 10 {
		publish(t, bus, "news", fmt.Sprint(i))
		expect(t, quick, "news", fmt.Sprint(i))
	}
	if m := receive(t, slow); !m.Missed || m.Payload != nil || m.Channel != "" {
		t.Fatalf("%+v; it was not told", m)
	}
	for i := 7; i < 10; i++ {
		expect(t, slow, "news", fmt.Sprint(i))
	}
	for _, c := range []string{"a", "b", "c"} { // more than 4096 bytes
		publish(t, bus, "news", strings.Repeat(c, 2000))
		expect(t, quick, "news", strings.Repeat(c, 2000))
	}
	if m := receive(t, slow); !m.Missed {
		t.Fatalf("%+v; it was not told of bytes", m)
	}
	expect(t, slow, "news", strings.Repeat("b", 2000))
	expect(t, slow, "news", strings.Repeat("c", 2000))
	if n := bus.Stats().Dropped; n != 8 {
		t.Errorf("%d were dropped, not 8", n)
	}
}

func refused(t *testing.T, env Env) {
	bus := open(t, env, func(cfg *pubsub.Config) { cfg.MaxPayload, cfg.MaxSubscriptions = 100, 2 })
	var large *pubsub.TooLargeError
	if err := bus.Publish(t.Context(), "c", make([]byte, 101)); !errors.As(err, &large) || large.Most != 100 {
		t.Errorf("101 bytes: %v", err)
	}
	for _, name := range []string{"", "a\nb", "\x00", "\xff", strings.Repeat("n", 201)} {
		var wrong *pubsub.ChannelError
		if err := bus.Publish(t.Context(), name, nil); !errors.As(err, &wrong) {
			t.Errorf("Publish to %.20q: %v", name, err)
		}
		if _, err := bus.Subscribe(t.Context(), "good", name); !errors.As(err, &wrong) {
			t.Errorf("Subscribe to %.20q: %v", name, err)
		}
	}
	subscribe(t, bus, "a")
	last := subscribe(t, bus, "b")
	if _, err := bus.Subscribe(t.Context(), "c"); !errors.Is(err, pubsub.ErrTooMany) {
		t.Errorf("a third subscription: %v", err)
	}
	must(t, last.Close())
	subscribe(t, bus, "c")
}

func closes(t *testing.T, env Env) {
	bus := open(t, env, nil)
	sub, other := subscribe(t, bus, "c"), subscribe(t, bus, "c")
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	ended := make(chan struct{})
	work.Go(func() {
		if _, err := sub.Receive(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Receive with a context that ends: %v", err)
		}
		close(ended)
		if _, err := sub.Receive(t.Context()); !errors.Is(err, pubsub.ErrClosed) {
			t.Errorf("Receive of a closed subscription: %v", err)
		}
	})
	work.Go(func() {
		for m := range other.Messages(t.Context()) {
			t.Errorf("a message: %+v", m)
		}
	})
	cancel()
	<-ended
	must(t, sub.Close())
	must(t, sub.Close())
	must(t, bus.Close())
	work.Wait()
	if _, err := bus.Subscribe(t.Context(), "c"); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("Subscribe after Close: %v", err)
	}
	if err := bus.Publish(t.Context(), "c", nil); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("Publish after Close: %v", err)
	}
	must(t, bus.Close())
}

func crowd(t *testing.T, env Env) {
	a, b := pair(t, env)
	var work sync.WaitGroup
	for i := range 16 {
		work.Go(func() {
			for j := range 5 {
				channel := fmt.Sprint("c", (i+j)%7)
				sub, err := b.Subscribe(t.Context(), channel)
				if err != nil {
					t.Error(err)
					return
				}
				own := []byte(fmt.Sprint(i, " ", j))
				if err := a.Publish(t.Context(), channel, own); err != nil {
					t.Error(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				for {
					m, err := sub.Receive(ctx)
					if err != nil {
						t.Errorf("%s does not arrive: %v", own, err)
						break
					}
					if bytes.Equal(m.Payload, own) {
						break
					}
				}
				cancel()
				if err := sub.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if s := b.Stats(); s.Subscriptions != 0 || s.Channels != 0 {
		t.Errorf("%+v", s)
	}
}

func cut(t *testing.T, env Env) {
	if env.Cut == nil {
		return // the driver cannot lose anything: nothing is promised
	}
	a, b := pair(t, env)
	subs := []*pubsub.Subscription{subscribe(t, a, "news"), subscribe(t, b, "news", "other")}
	publish(t, a, "news", "before")
	for _, sub := range subs {
		expect(t, sub, "news", "before")
	}
	for round := range 2 {
		env.Cut()
		for _, sub := range subs {
			if m := receive(t, sub); !m.Missed {
				t.Fatalf("round %d: %+v; it was not told", round, m)
			}
		}
		// Told means that it hears again.
		text := fmt.Sprint("after ", round)
		deadline := time.Now().Add(patience)
		for a.Publish(t.Context(), "news", []byte(text)) != nil && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond) // until the publisher has connected, too
		}
		for _, sub := range subs {
			for { // a second loss may be told behind the first
				m := receive(t, sub)
				if string(m.Payload) == text {
					break
				}
				if !m.Missed && !strings.HasPrefix(string(m.Payload), "after") {
					t.Fatalf("round %d: %+v", round, m)
				}
			}
		}
	}
}
