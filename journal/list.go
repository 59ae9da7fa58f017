package journal

import (
	"slices"
	"sync"
	"sync/atomic"
)

// list is read often, without a lock, and changed seldom.
type list[T any] struct {
	mu    sync.Mutex
	items atomic.Pointer[[]*T]
}

// add returns the function that takes item out again.
func (l *list[T]) add(item T) (remove func()) {
	l.change(func(items []*T) []*T { return append(items, &item) })
	return func() {
		l.change(func(items []*T) []*T {
			return slices.DeleteFunc(items, func(i *T) bool { return i == &item })
		})
	}
}

func (l *list[T]) change(change func([]*T) []*T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var items []*T
	if now := l.items.Load(); now != nil {
		items = slices.Clone(*now)
	}
	items = change(items)
	l.items.Store(&items)
}

// all returns the items in the order in which they were added.
func (l *list[T]) all() []T {
	now := l.items.Load()
	if now == nil {
		return nil
	}
	items := make([]T, len(*now))
	for i, item := range *now {
		items[i] = *item
	}
	return items
}
