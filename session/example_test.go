package session_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
)

func ExampleManager_LoadAndSave() {
	store := memory.New(memory.Config{})
	defer store.Close()
	sessions, err := session.New(session.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Login(r.Context(), "ann"); err != nil {
			http.Error(w, "try again", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, "welcome")
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+sessions.UserID(r.Context()))
	})
	site := sessions.LoadAndSave(mux)

	login := httptest.NewRecorder()
	site.ServeHTTP(login, httptest.NewRequest(http.MethodPost, "/login", nil))
	home := httptest.NewRequest(http.MethodGet, "/", nil)
	home.AddCookie(login.Result().Cookies()[0])
	answer := httptest.NewRecorder()
	site.ServeHTTP(answer, home)
	fmt.Println(answer.Body, "/", answer.Header().Get("Cache-Control"))
	// Output: hello ann / private, no-cache
}

func ExampleManager_Iterate() {
	store := memory.New(memory.Config{})
	defer store.Close()
	sessions, err := session.New(session.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, user := range []string{"ann", "bob", "ann"} {
		ctx := sessions.Context(context.Background(), "")
		if err := sessions.Login(ctx, user); err != nil {
			fmt.Println(err)
			return
		}
		if _, _, err := sessions.Commit(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	// End all sessions of a user.
	ended := 0
	err = sessions.Iterate(context.Background(), func(ctx context.Context) error {
		if sessions.UserID(ctx) != "ann" {
			return nil
		}
		ended++
		return sessions.Destroy(ctx)
	})
	fmt.Println(ended, err)
	// Output: 2 <nil>
}

func ExampleNewCBOR() {
	type cart struct{ Items []string }
	codec, err := session.NewCBOR(session.CBORConfig{Types: []any{cart{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := memory.New(memory.Config{})
	defer store.Close()
	sessions, err := session.New(session.Config{Store: store, Codec: codec})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := sessions.Context(context.Background(), "")
	sessions.Put(ctx, "cart", cart{Items: []string{"Walden"}})
	token, _, err := sessions.Commit(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	later := sessions.Context(context.Background(), token)
	fmt.Println(sessions.Get(later, "cart").(cart).Items)
	// Output: [Walden]
}

// A user looks at his sessions and ends all but the present one.
func ExampleManager_RevokeOthers() {
	sessions, err := session.New(session.Config{Store: memory.New(memory.Config{CleanUp: -1})})
	if err != nil {
		log.Fatal(err)
	}
	login := func() string {
		ctx := sessions.Context(context.Background(), "")
		if err := sessions.Login(ctx, "ann"); err != nil {
			log.Fatal(err)
		}
		token, _, err := sessions.Commit(ctx)
		if err != nil {
			log.Fatal(err)
		}
		return token
	}
	phone, laptop := login(), login()

	ctx := sessions.Context(context.Background(), laptop)
	list, err := sessions.UserSessions(ctx, "ann")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(list), "sessions, the first is this one:", list[0].Current)
	ended, err := sessions.RevokeOthers(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ended, "ended")
	fmt.Printf("%q on the phone\n", sessions.UserID(sessions.Context(context.Background(), phone)))
	// Output:
	// 2 sessions, the first is this one: true
	// 1 ended
	// "" on the phone
}
