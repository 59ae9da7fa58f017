package console

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// The handlers of what changes something. Each comes by POST, with a form that the
// console has given to this operator.

// purgesView is the page with the form and what was done.
type purgesView struct {
	Purge
	Actions []Action
}

func (c *Console) purges(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	v := purgesView{Purge: Purge{By: query.Get("by"), Target: query.Get("target")}, Actions: c.audit.list()}
	if v.By == "" {
		v.By = ByTag
	}
	return c.render(w, r, http.StatusOK, "purges.html", v)
}

// previewView is what is about to be purged.
type previewView struct {
	Preview
	// Exact is the target in a form that no browser changes.
	Exact string
}

// preview shows what a purge would touch, and asks.
func (c *Console) preview(w http.ResponseWriter, r *http.Request) error {
	purger, p, err := c.purgeForm(r)
	if err != nil {
		return err
	}
	v, err := purger.Preview(r.Context(), p)
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "preview.html", previewView{v, base64.RawURLEncoding.EncodeToString([]byte(p.Target))})
}

// purgeForm reads a form about a purge.
func (c *Console) purgeForm(r *http.Request) (Purger, Purge, error) {
	purger, ok := c.cfg.Source.(Purger)
	if !ok {
		return nil, Purge{}, &statusError{http.StatusNotFound, "This source purges nothing."}
	}
	if err := c.checkForm(r); err != nil {
		return nil, Purge{}, err
	}
	p := Purge{By: r.PostForm.Get("by"), Target: strings.TrimSpace(r.PostForm.Get("target")), Soft: r.PostForm.Get("soft") != ""}
	if exact := r.PostForm.Get("exact"); exact != "" {
		target, err := base64.RawURLEncoding.DecodeString(exact)
		if err != nil {
			return nil, Purge{}, &statusError{http.StatusBadRequest, "The form could not be read."}
		}
		p.Target = string(target)
	}
	if p.By == ByAll {
		p.Target = ""
	}
	return purger, p, nil
}

// purge does it.
func (c *Console) purge(w http.ResponseWriter, r *http.Request) error {
	purger, p, err := c.purgeForm(r)
	if err != nil {
		return err
	}
	if r.PostForm.Get("sure") == "" {
		return &statusError{http.StatusUnprocessableEntity, "A purge has to be confirmed: look at its preview first."}
	}
	what := "purge " + p.By
	if p.Soft {
		what += ", softly"
	}
	done, err := purger.Purge(r.Context(), p)
	if err != nil {
		c.note(r, what, p.Target, err.Error(), false)
		return err
	}
	c.note(r, what, p.Target, fmt.Sprintf("%s (%s)", done.Detail, span2(done.Took)), true)
	http.Redirect(w, r, c.cfg.Path+"/purges", http.StatusSeeOther)
	return nil
}

// revoke ends sessions of a user.
func (c *Console) revoke(w http.ResponseWriter, r *http.Request) error {
	admin, ok := c.cfg.Source.(Sessions)
	if !ok {
		return &statusError{http.StatusNotFound, "This source ends no sessions."}
	}
	if err := c.checkForm(r); err != nil {
		return err
	}
	user, ids := r.PostForm.Get("user"), r.PostForm["id"]
	switch {
	case user == "":
		return &statusError{http.StatusUnprocessableEntity, "Give the user whose sessions are to end."}
	case len(ids) == 0 && r.PostForm.Get("all") == "":
		return &statusError{http.StatusUnprocessableEntity, "Choose the sessions that are to end."}
	case r.PostForm.Get("all") != "":
		ids = nil
	}
	if r.PostForm.Get("sure") == "" {
		return c.askRevoke(w, r, admin, user, ids)
	}
	n, err := admin.RevokeSessions(r.Context(), user, ids...)
	if err != nil {
		c.note(r, "revoke sessions", user, err.Error(), false)
		return err
	}
	c.note(r, "revoke sessions", user, fmt.Sprintf("%d ended", n), true)
	http.Redirect(w, r, c.link("/sessions", "user", user), http.StatusSeeOther)
	return nil
}

// revokeView is what is about to end.
type revokeView struct {
	User   string
	IDs    []string
	Ending []UserSession
	Of     int
}

// askRevoke shows which sessions would end, and asks.
func (c *Console) askRevoke(w http.ResponseWriter, r *http.Request, admin Sessions, user string, ids []string) error {
	list, err := admin.UserSessions(r.Context(), user)
	if err != nil {
		return err
	}
	v := revokeView{User: user, IDs: ids, Of: len(list)}
	for _, one := range list {
		if ids == nil || slices.Contains(ids, one.ID) {
			v.Ending = append(v.Ending, one)
		}
	}
	return c.render(w, r, http.StatusOK, "revoke.html", v)
}

// note remembers what an operator did, and logs it.
func (c *Console) note(r *http.Request, what, target, result string, ok bool) {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	done := Action{Time: c.cfg.Now(), Operator: operatorOf(r), Address: address, What: what, Target: target, Result: result, OK: ok}
	c.audit.add(done)
	c.cfg.Logger.InfoContext(r.Context(), "console: "+what, "operator", string(visible([]byte(done.Operator))), "address", address,
		"target", string(visible([]byte(target))), "ok", ok, "result", string(visible([]byte(result))))
}
