package accounts_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/echoic-go/echoic/example-app/internal/accounts"
	"github.com/echoic-go/echoic/example-app/internal/databasetest"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

func open(t *testing.T, db databasetest.Opener) *accounts.Accounts {
	t.Helper()
	a, err := accounts.New(accounts.Config{DB: db(), Cost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		a := open(t, db)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := a.Prepare(t.Context(), accounts.Demo()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, want := range accounts.Demo() {
			got, err := a.Authenticate(t.Context(), want.Name, want.Name)
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v, want %+v", want.Name, got, err, want)
			}
			if got, err := a.User(t.Context(), want.Name); err != nil || got != want {
				t.Errorf("User(%s) = %+v, %v", want.Name, got, err)
			}
		}
		for name, tt := range map[string]struct{ user, password string }{
			"wrong password":    {"anna", "reader"},
			"no password":       {"anna", ""},
			"long password":     {"anna", strings.Repeat("anna", 50)},
			"unknown user":      {"nobody", "nobody"},
			"no user":           {"", ""},
			"NUL":               {"anna\x00", "anna"},
			"broken text":       {"\xff", "x"},
			"another case":      {"Anna", "anna"},
			"hash for password": {"anna", "$2a$10$"},
		} {
			if u, err := a.Authenticate(t.Context(), tt.user, tt.password); !errors.Is(err, accounts.ErrDenied) || u != (accounts.User{}) {
				t.Errorf("%s: %+v, %v, want ErrDenied", name, u, err)
			}
		}
	})
}

// A failing database is not a wrong password.
func TestAuthenticateWithoutDatabase(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)()
	a, err := accounts.New(accounts.Config{DB: db, Cost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(t.Context(), "anna", "anna"); err == nil || errors.Is(err, accounts.ErrDenied) {
		t.Errorf("error %v, want that of the database", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := accounts.New(accounts.Config{}); err == nil {
		t.Error("no database, no error")
	}
	if _, err := accounts.New(accounts.Config{DB: databasetest.SQLite(t)(), Cost: 99}); err == nil {
		t.Error("cost 99, no error")
	}
}
