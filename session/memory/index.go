package memory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/echoic-go/echoic/session"
)

// revoked is a login that is worth nothing any more; of all of a user's without
// one.
type revoked struct{ user, login string }

// mark is the stamp of a revocation, and how long it is remembered.
type mark struct {
	stamp int64
	until time.Time
}

// Stamp implements session.Indexer.
func (s *Store) Stamp(ctx context.Context, user string) (since int64, err error) {
	err = s.do(ctx, "stamp", func() { since = s.next(user) })
	return since, err
}

// Owned implements session.Indexer.
func (s *Store) Owned(ctx context.Context, user string) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		var keys []string
		if err := s.do(ctx, "list", func() { keys = slices.Sorted(maps.Keys(s.owned[user])) }); err != nil {
			yield(session.Entry{}, err)
			return
		}
		s.each(ctx, keys, yield)
	}
}

// Revoke implements session.Indexer.
func (s *Store) Revoke(ctx context.Context, r session.Revocation) (since int64, err error) {
	refused := false
	err = s.do(ctx, "revoke", func() {
		if refused = r.By > 0 && s.revoked[revoked{user: r.User}].stamp >= r.By; refused {
			return
		}
		s.revoked[revoked{r.User, r.Login}] = mark{s.next(r.User), r.Until}
		since = s.next(r.User)
	})
	if refused {
		return 0, problem("revoke", session.ErrRevoked)
	}
	return since, err
}

// next returns a stamp above those of the user's revocations. It is called with
// the lock held, as are the following.
func (s *Store) next(user string) int64 {
	return max(time.Now().UnixMicro(), s.revoked[revoked{user: user}].stamp+1)
}

func (s *Store) isRevoked(o session.Owner) bool {
	if o.User == "" {
		return false
	}
	_, one := s.revoked[revoked{o.User, o.Login}]
	all, any := s.revoked[revoked{user: o.User}]
	return one || any && all.stamp >= o.Since
}

func (s *Store) index(key, user string) {
	if user == "" {
		return
	}
	if s.owned[user] == nil {
		s.owned[user] = make(map[string]bool)
	}
	s.owned[user][key] = true
}

// drop removes a record, expired or not.
func (s *Store) drop(key string) {
	user := s.rows[key].Owner.User
	delete(s.rows, key)
	if keys := s.owned[user]; keys != nil {
		if delete(keys, key); len(keys) == 0 {
			delete(s.owned, user)
		}
	}
}
