package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/bcrypt"

	"github.com/echoic-go/echoic/example-app/internal/database"
)

// User is somebody who can sign in.
type User struct {
	// Name is what the user types, lower-case.
	Name string
	// Display is the name as others read it.
	Display string
	// Admin may edit quotations.
	Admin bool
}

// ErrDenied is a name and password that do not belong together, or a user that
// does not exist: which of them is not said. It comes wrapped.
var ErrDenied = errors.New("accounts: name or password is wrong")

// Demo are the users of a new database. Their passwords are their names: they
// are for trying the site.
func Demo() []User {
	return []User{
		{Name: "reader", Display: "Reader"},
		{Name: "anna", Display: "Anna"},
		{Name: "admin", Display: "Admin", Admin: true},
	}
}

// Config is what [Accounts] are made of. DB is required.
type Config struct {
	DB *database.DB
	// Cost is the cost of bcrypt for new passwords. Defaults to
	// bcrypt.DefaultCost.
	Cost int
}

// Accounts are the users. They are safe for concurrent use and hold nothing
// that has to be closed.
type Accounts struct {
	db     *database.DB
	cost   int
	nobody []byte // the hash that a name without user is compared with
}

// New returns accounts. It does not ask the database; see [Accounts.Prepare].
func New(cfg Config) (*Accounts, error) {
	if cfg.DB == nil {
		return nil, errors.New("accounts: Config.DB is nil: open the database first")
	}
	if cfg.Cost == 0 {
		cfg.Cost = bcrypt.DefaultCost
	}
	nobody, err := bcrypt.GenerateFromPassword([]byte("nobody"), cfg.Cost)
	if err != nil {
		return nil, fmt.Errorf("accounts: Config.Cost: %w", err)
	}
	return &Accounts{db: cfg.DB, cost: cfg.Cost, nobody: nobody}, nil
}

const createTable = `CREATE TABLE IF NOT EXISTS motivational_users (
	name    TEXT PRIMARY KEY,
	display TEXT NOT NULL,
	role    TEXT NOT NULL,
	hash    TEXT NOT NULL
)`

const adminRole = "admin"

// Prepare creates the table if it is missing, and the given users, with their
// names as passwords, if the table is empty. Any number of programs can do this
// at once, and it can be repeated.
func (a *Accounts) Prepare(ctx context.Context, users []User) error {
	return a.db.Alone(ctx, "accounts", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, createTable); err != nil {
			return fmt.Errorf("accounts: creating the table: %w", err)
		}
		var present bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM motivational_users)`).Scan(&present); err != nil || present {
			return err
		}
		for _, u := range users {
			if err := a.add(ctx, tx, u, u.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *Accounts) add(ctx context.Context, tx *sql.Tx, u User, password string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), a.cost)
	if err != nil {
		return fmt.Errorf("accounts: password of %s: %w", u.Name, err)
	}
	role := "reader"
	if u.Admin {
		role = adminRole
	}
	if _, err = tx.ExecContext(ctx, `INSERT INTO motivational_users (name, display, role, hash) VALUES ($1, $2, $3, $4)`,
		u.Name, u.Display, role, string(hash)); err != nil {
		return fmt.Errorf("accounts: adding %s: %w", u.Name, err)
	}
	return nil
}

// Authenticate returns the user of a name and password, or [ErrDenied]. It
// takes the same time for names that nobody has.
func (a *Accounts) Authenticate(ctx context.Context, name, password string) (User, error) {
	u, hash, err := a.find(ctx, name)
	if errors.Is(err, ErrDenied) {
		hash = a.nobody
	} else if err != nil {
		return User{}, err
	}
	wrong := bcrypt.CompareHashAndPassword(hash, []byte(password))
	if err != nil || wrong != nil {
		return User{}, ErrDenied
	}
	return u, nil
}

// User returns the user of a name, or [ErrDenied].
func (a *Accounts) User(ctx context.Context, name string) (User, error) {
	u, _, err := a.find(ctx, name)
	return u, err
}

func (a *Accounts) find(ctx context.Context, name string) (u User, hash []byte, err error) {
	if !isName(name) {
		return User{}, nil, ErrDenied
	}
	var role, text string
	err = a.db.QueryRowContext(ctx, `SELECT name, display, role, hash FROM motivational_users WHERE name = $1`, name).
		Scan(&u.Name, &u.Display, &role, &text)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return User{}, nil, ErrDenied
	case err != nil:
		return User{}, nil, fmt.Errorf("accounts: user %s: %w", name, err)
	}
	u.Admin = role == adminRole
	return u, []byte(text), nil
}

// isName reports whether a table of users can hold the name; Postgres refuses
// some texts with an error.
func isName(s string) bool {
	return s != "" && len(s) <= 40 && !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
}
