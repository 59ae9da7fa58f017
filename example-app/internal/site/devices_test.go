package site_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	tokenField = regexp.MustCompile(`name="csrf_token" value="([A-Za-z0-9_-]+)"`)
	deviceID   = regexp.MustCompile(`name="id" value="([A-Za-z0-9_-]{22})"`)
)

func tokenIn(t *testing.T, page string) string {
	t.Helper()
	found := tokenField.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no token in\n%s", page)
	}
	return found[1]
}

// A user sees where he is signed in, and signs out there.
func TestDevices(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		laptop, phone, other := &visitor{handler: handler}, &visitor{handler: handler}, &visitor{handler: handler}
		for _, v := range []*visitor{laptop, phone} {
			v.login(t, "anna")
		}
		other.login(t, "reader")
		signedIn := func(v *visitor) bool { return strings.Contains(v.get("/favourites").body, "Signed in as") }
		if a := (&visitor{handler: handler}).get("/sessions"); a.StatusCode != 303 {
			t.Errorf("a guest: %d", a.StatusCode)
		}
		page := laptop.get("/sessions")
		if strings.Count(page.body, "Signed in on") != 2 || strings.Count(page.body, "<em>this device</em>") != 1 || !strings.Contains(page.Header.Get("Cache-Control"), "private") {
			t.Fatalf("two devices, one of them this one:\n%s", page.body)
		}
		for _, c := range laptop.cookies {
			if strings.Contains(page.body, c.Value) {
				t.Error("the page shows a token")
			}
		}
		id := deviceID.FindStringSubmatch(page.body)[1]
		if a := other.do("POST", "/sessions/end", url.Values{"id": {id}}); a.StatusCode != 303 || !signedIn(phone) {
			t.Errorf("by another user: %d, the phone is in: %v", a.StatusCode, signedIn(phone))
		}
		if a := laptop.do("POST", "/sessions/end", url.Values{"id": {""}}); a.StatusCode != 400 || !signedIn(laptop) {
			t.Errorf("nothing: %d", a.StatusCode)
		}
		if a := laptop.do("POST", "/sessions/end", url.Values{"id": {id}}); a.StatusCode != 303 || signedIn(phone) || !signedIn(laptop) {
			t.Errorf("one: %d, the phone is in: %v, the laptop: %v", a.StatusCode, signedIn(phone), signedIn(laptop))
		}
		phone.login(t, "anna")
		a := laptop.do("POST", "/sessions/end-others", url.Values{})
		if page := laptop.get("/sessions").body; !strings.Contains(page, "Signed out on 1 other device") || !strings.Contains(page, "nowhere else") {
			t.Errorf("afterwards:\n%s", page)
		}
		if a.StatusCode != 303 || signedIn(phone) || !signedIn(laptop) || !signedIn(other) {
			t.Errorf("all others: %d, the phone is in: %v, the laptop: %v, another user: %v", a.StatusCode, signedIn(phone), signedIn(laptop), signedIn(other))
		}
	})
}

// What a browser sends needs a token of its visitor, besides the right origin.
func TestForms(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, handler http.Handler) {
		v := &visitor{handler: handler}
		browser := []string{"Origin", "https://quotes.test", "Sec-Fetch-Site", "same-origin"}
		page := v.get("/login").body
		form := url.Values{"username": {"anna"}, "password": {"anna"}}
		if a := v.do("POST", "/login", form, browser...); a.StatusCode != 403 || !strings.Contains(a.body, "stylesheet") {
			t.Errorf("a login without a token: %d", a.StatusCode)
		}
		form.Set("csrf_token", tokenIn(t, (&visitor{handler: handler}).get("/login").body))
		if a := v.do("POST", "/login", form, browser...); a.StatusCode != 403 {
			t.Errorf("a login with the token of another visitor: %d", a.StatusCode)
		}
		form.Set("csrf_token", tokenIn(t, page))
		if a := v.do("POST", "/login", form, browser...); a.StatusCode != 303 {
			t.Fatalf("a login: %d", a.StatusCode)
		}
		if a := v.do("POST", "/favourites", url.Values{"id": {"kjv-iron-sharpeneth"}}, browser...); a.StatusCode != 303 {
			t.Errorf("the button of a page that is kept for everybody: %d", a.StatusCode)
		}
		for _, target := range []string{"/logout", "/favourites/remove", "/sessions/end-others"} {
			if a := v.do("POST", target, url.Values{}, browser...); a.StatusCode != 403 {
				t.Errorf("%s without a token: %d", target, a.StatusCode)
			}
		}
		if a := v.do("POST", "/logout", url.Values{"csrf_token": {tokenIn(t, v.get("/favourites").body)}}, browser...); a.StatusCode != 303 {
			t.Errorf("a logout: %d", a.StatusCode)
		}
	})
}
