package cache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
)

func TestBudgetIsOneForAllCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := cache.WithBudget(t.Context(), 50*time.Millisecond)
		for range 2 { // one after the other
			within, done, ok := cache.Spend(ctx)
			if !ok {
				t.Fatal("the budget is used up too early")
			}
			if deadline, has := within.Deadline(); !has || time.Until(deadline) != cache.BudgetOf(ctx).Left() {
				t.Errorf("a call may take %v, %v is left", time.Until(deadline), cache.BudgetOf(ctx).Left())
			}
			time.Sleep(20 * time.Millisecond)
			done()
		}
		time.Sleep(time.Second) // what the handler does meanwhile costs nothing
		if left := cache.BudgetOf(ctx).Left(); left != 10*time.Millisecond {
			t.Errorf("%v is left, want 10ms", left)
		}
		_, first, _ := cache.Spend(ctx) // two at once count once
		_, second, _ := cache.Spend(ctx)
		time.Sleep(4 * time.Millisecond)
		first()
		second()
		if left := cache.BudgetOf(ctx).Left(); left != 6*time.Millisecond {
			t.Errorf("%v is left, want 6ms", left)
		}
	})
}

func TestBudgetUsedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := cache.WithBudget(t.Context(), 50*time.Millisecond)
		within, done, _ := cache.Spend(ctx)
		<-within.Done()
		if !errors.Is(within.Err(), context.DeadlineExceeded) {
			t.Errorf("the call ended with %v", within.Err())
		}
		done()
		if _, done, ok := cache.Spend(ctx); ok {
			done()
			t.Error("a call begins although nothing is left")
		}
	})
}

func TestBudgetOfARequestStays(t *testing.T) {
	t.Parallel()
	ctx := cache.WithBudget(t.Context(), time.Second)
	if cache.BudgetOf(cache.WithBudget(ctx, time.Hour)) != cache.BudgetOf(ctx) {
		t.Error("a second budget replaced the first")
	}
	if cache.BudgetOf(cache.ShareBudget(t.Context(), ctx)) != cache.BudgetOf(ctx) {
		t.Error("the budget is not shared")
	}
	if _, done, ok := cache.Spend(t.Context()); !ok || cache.BudgetOf(t.Context()) != nil {
		t.Error("without a budget a call may not begin")
	} else {
		done()
	}
}
