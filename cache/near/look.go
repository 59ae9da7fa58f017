package near

import (
	"context"
	"errors"
	"slices"
	"strings"
)

const (
	// mostPasses is how often one look asks all servers. At the start of a
	// Cluster it takes three: to find a node, to find the others, and to hear
	// that they all answer.
	mostPasses = 3
	// mostViews is how many nodes of a Cluster describe it at a time. They tell
	// each other what they know, and the description grows with the cluster.
	mostViews = 3
)

// look asks all servers, connects to those that are missing, and tells the feed
// when there is a live connection to every primary.
func (t *Tracker) look() error {
	for pass := 1; ; pass++ {
		losses, up := t.state() // before they are asked
		views, err := t.askAll()
		wanted, unknown := t.topology.primaries(views)
		if err = errors.Join(err, unknown); err == nil {
			if err = t.differ(wanted); err == nil {
				t.settle(losses)
				return nil
			}
		}
		if up {
			t.down(plain(err)) // before anything that takes time
		}
		if pass == mostPasses || unknown != nil || t.life.Err() != nil {
			return err
		}
		if opened, failures := t.reconcile(wanted); opened == 0 && failures != nil {
			return failures
		}
	}
}

// plain makes one line of joined errors.
func plain(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// answer is what a node said.
type answer struct {
	node *node
	view []string // the primaries that it knows, on a Cluster
	err  error
}

// askAll asks every node at once, and gives up those that do not answer as a
// primary should. They are errors, but may have had a view.
func (t *Tracker) askAll() (views [][]string, err error) {
	ctx, cancel := context.WithTimeout(t.life, t.plan.Silence)
	defer cancel()
	answers := make(chan answer, len(t.nodes))
	for _, n := range t.nodes { // in any order: the first ones describe the cluster
		describe := t.topology.described() && len(views) < mostViews
		if describe {
			views = append(views, nil)
		}
		go func() {
			view, err := n.ask(ctx, describe)
			answers <- answer{n, view, err}
		}()
	}
	views = views[:0]
	var errs []error
	for range len(t.nodes) {
		a := <-answers
		if a.view != nil {
			views = append(views, a.view)
		}
		if a.err != nil {
			errs = append(errs, a.err)
			defer t.retire(a.node)
		}
	}
	return views, errors.Join(errs...)
}

// differ returns nil if there is a node for each of the addresses, and no other.
func (t *Tracker) differ(wanted []string) error {
	for _, addr := range wanted {
		if t.nodes[addr] == nil {
			return errors.New("no connection to " + addr + " yet")
		}
	}
	for addr := range t.nodes {
		if !slices.Contains(wanted, addr) {
			return errors.New(addr + " is no primary any more")
		}
	}
	return nil
}

// reconcile connects to what is wanted and not there, all at once, and gives up
// what is not wanted.
func (t *Tracker) reconcile(wanted []string) (opened int, err error) {
	for addr, n := range t.nodes {
		if !slices.Contains(wanted, addr) {
			t.retire(n)
		}
	}
	type result struct {
		node *node
		err  error
	}
	results := make(chan result)
	begun := 0
	for _, addr := range wanted {
		if t.nodes[addr] == nil {
			begun++
			go func() {
				n, err := t.connect(addr)
				results <- result{n, err}
			}()
		}
	}
	var errs []error
	for range begun {
		r := <-results
		if r.err != nil {
			errs = append(errs, r.err)
			continue
		}
		t.nodes[r.node.addr] = r.node
		opened++
	}
	return opened, errors.Join(errs...)
}

// retire gives a node up. Closing may take as long as a silent server likes.
func (t *Tracker) retire(n *node) {
	delete(t.nodes, n.addr)
	t.old.Go(n.close)
}
